"""The real gradient mathematics (JAX, optax): models, data, update rules and the two players of a tape."""
