"""What a run keeps on request besides its tables: its last weights."""
