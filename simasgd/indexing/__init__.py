"""The index of a folder of results: read, kept up to date, and written as a page."""
