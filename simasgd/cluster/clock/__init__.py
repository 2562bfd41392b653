"""Events, times and records of the simulated cluster."""
