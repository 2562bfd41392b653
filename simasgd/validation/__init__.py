"""Validation: a measured system beside its simulation, in numbers and in words."""
