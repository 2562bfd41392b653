"""Results on disk: runs and studies, their tables, and unfinished work."""
