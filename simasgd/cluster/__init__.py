"""The simulated cluster (SimPy): who waits for whom, and how long. Handles move here, never arrays."""
