"""Tapes with one chain of weights (a parameter server)."""
