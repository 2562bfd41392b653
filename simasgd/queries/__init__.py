"""Questions about results: the table of all runs, and conditions over a table."""
