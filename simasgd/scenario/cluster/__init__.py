"""Sections of a scenario that describe the cluster."""
