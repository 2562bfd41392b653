"""Questions about simasgd's words: the kinds, keys, values and profiles that a scenario may name."""
