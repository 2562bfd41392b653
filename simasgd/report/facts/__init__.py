"""Facts of a run, and the words and numbers that state them."""
