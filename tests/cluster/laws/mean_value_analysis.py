"""Mean value analysis of a closed queueing network."""

from __future__ import annotations

from collections.abc import Sequence


def analyse_mean_values(customers: int, think: float, demands: Sequence[float]) -> tuple[float, list[float]]:
    """Return the throughput and the mean number of customers at each queue, by recursion over the number of customers."""
    throughput, queues = 0.0, [0.0] * len(demands)
    for n in range(1, customers + 1):
        # An arriving customer meets what one customer less would leave there.
        stays = [demand * (1.0 + queue) for demand, queue in zip(demands, queues, strict=True)]
        throughput = n / (think + sum(stays))
        queues = [throughput * stay for stay in stays]
    return throughput, queues
