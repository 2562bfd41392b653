"""Clusters whose learners hold their own models."""
