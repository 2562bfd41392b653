"""The test-bed: a protocol's own file on real processes, whose run is recorded as a tape."""
