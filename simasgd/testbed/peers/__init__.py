"""Learners of the test-bed that have models of their own, or make a common one without a server."""
