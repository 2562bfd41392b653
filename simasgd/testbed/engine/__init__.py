"""Engines: they start the processes of the test-bed, and carry calls between them."""
