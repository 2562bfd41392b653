"""Sweeps: axes, points, and the processes that compute them."""
