"""The parts of a run that is continued, and the progress of the work."""
