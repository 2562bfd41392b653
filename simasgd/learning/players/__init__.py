"""Players replay a tape: they compute the gradients that it orders."""
