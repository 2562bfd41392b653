"""The page of a fit: what a log says of a cluster."""
