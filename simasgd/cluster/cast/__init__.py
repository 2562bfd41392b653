"""What both kinds of cluster share: workers, faults, start and supervision."""
