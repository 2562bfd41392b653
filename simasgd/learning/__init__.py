"""The real gradient mathematics (JAX, optax).

It has models, data, update rules and the two players of a tape.
"""
