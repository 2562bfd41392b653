"""What both kinds of cluster share: workers, faults and start."""
