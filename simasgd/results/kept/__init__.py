"""The last weights of a run, kept on request."""
