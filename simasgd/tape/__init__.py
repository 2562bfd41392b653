"""The tape: what was computed from what, and when; handles, recorders and models of the learners' own."""
