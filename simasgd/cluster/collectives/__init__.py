"""Collective operations: all-reduce and all-gather over the network."""
