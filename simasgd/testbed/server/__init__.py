"""The parameter server of the test-bed: its process, and the verbs that its protocol sees."""
