"""Comparisons with clusters that others measured.

Each prints a table of docs/validation.md. SIMASGD_MEASURED names the folder of the public data;
docs/validation.md says where to get them.
"""
