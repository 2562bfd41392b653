"""Models and their loss functions."""
