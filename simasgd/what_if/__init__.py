"""The same clock on a faster cluster, or with learners that start apart."""
