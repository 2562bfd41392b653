"""Tapes with models of the learners' own, which are mixed."""
