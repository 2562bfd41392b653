"""The comparison of variants."""
