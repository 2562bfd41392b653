"""Measured runs: from the log of a real system to the folder of a run, and from a run to a log."""
