"""Reading of scenarios: files and overrides become layers, layers become a checked scenario, mistakes become messages."""
