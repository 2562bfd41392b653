"""Clocks that another process simulates ahead, while this one learns from the clock before."""
