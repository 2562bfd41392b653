"""Fuzzers: `make fuzz` runs their long forms, the tests beside them a short one."""
