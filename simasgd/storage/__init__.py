"""Results folders: which files are simasgd's, who may write, and how files arrive whole."""
