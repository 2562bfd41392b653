"""Checks of a scenario's sections against each other."""
