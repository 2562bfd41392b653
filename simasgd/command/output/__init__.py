"""What commands print: progress, the end with its table and verdict, in any encoding."""
