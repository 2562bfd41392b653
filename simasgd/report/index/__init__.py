"""The index page: a list of all studies and runs below a folder."""
