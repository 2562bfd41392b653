"""The driver: it starts the processes of a run, breaks what the scenario breaks, and collects the record."""
