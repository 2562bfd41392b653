"""Results folders: which files are simasgd's, which process may write, and how files arrive whole."""
