"""The output of commands: progress, and at the end a table and the verdict, in any encoding."""
