"""Logs of real and simulated clusters: one row for each operation of a learner or of the server."""
