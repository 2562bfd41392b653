"""Slow spells in compute times: found, and fitted."""
