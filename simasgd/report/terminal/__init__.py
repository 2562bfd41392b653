"""Results on the terminal: a table, the verdict, and the same as JSON."""
