"""Links, topologies and the messages on them."""
