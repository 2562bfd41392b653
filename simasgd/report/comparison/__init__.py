"""The comparison of variants: targets, rankings, the Pareto front, and their sections."""
