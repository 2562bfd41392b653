"""Figures as SVG, and the parts of a page."""
