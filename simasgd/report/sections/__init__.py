"""The sections of a run report."""
