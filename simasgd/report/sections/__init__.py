"""The headline and the sections of a run report."""
