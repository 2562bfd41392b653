"""Who takes part where learners come and go: who is there, in meetings, and in messages."""
