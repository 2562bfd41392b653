"""From the log of a cluster to a profile: laws of compute times, speeds, slow spells, links and updates."""
