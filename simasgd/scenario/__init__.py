"""The scenario: typed, checked, with the place of every mistake. Nothing here imports NumPy, SimPy or JAX."""
