"""The figures of the sweep report."""
