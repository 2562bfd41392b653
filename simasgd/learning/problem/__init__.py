"""The learning problem of a scenario: data, model, update rule."""
