"""The `sweep` section of a scenario."""
