"""What every process of the test-bed has: a clock, messages, the pace of computing, gradients and weights."""
