"""The command line: commands, console, progress."""
