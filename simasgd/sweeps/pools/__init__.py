"""The points of a sweep on disk, and the processes that compute them: on this machine, or on somebody's cluster."""
