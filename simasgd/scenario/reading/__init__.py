"""From text to a checked scenario: files, layers, messages."""
