"""The verdict of a report: who is best, who fails and why, and what the time goes to."""
