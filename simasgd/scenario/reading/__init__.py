"""Reading of scenarios: files and overrides, layers, checks and messages."""
