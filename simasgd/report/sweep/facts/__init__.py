"""The facts of a sweep: its axes in words, its settings in numbers, and which of them is best."""
