"""The parts that both kinds of cluster share: workers, faults, start and progress."""
