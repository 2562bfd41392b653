"""Sections of a scenario that describe what is learned, and how."""
