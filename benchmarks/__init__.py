"""Benchmarks of speed: all by `make bench`, or some by `python -m benchmarks NAME…`."""
