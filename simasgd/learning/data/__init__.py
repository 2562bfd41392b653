"""Data sets: files, examples, augmentation, partitions."""
