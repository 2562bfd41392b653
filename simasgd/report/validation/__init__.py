"""The page of a validation: a measured system beside its simulation."""
