"""Protocols of other packages under supervision: a mistake is reported with its file, line, role and verb."""
