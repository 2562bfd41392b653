"""Supervision of protocols of other packages: a mistake is reported with its line and verb."""
