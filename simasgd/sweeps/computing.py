"""The points of a sweep, computed by the processes of a pool."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from simasgd.scenario.schema import Scenario
from simasgd.sweeps.pools.abstract import AbstractPool, WorkerLost, split
from simasgd.sweeps.pools.memory import TaskLimit
from simasgd.sweeps.pools.points import PointFolders
from simasgd.sweeps.pools.work import Delivery, PointGroup, PoolTask, first_of

_FORESEEN = 8  # tasks of which a lone process is told in advance
_ATTEMPTS = 3  # of a task whose process dies


def run_groups(
    missing: Sequence[PointGroup], sweep: Path, pool: AbstractPool, is_over: Callable[[], bool], tell: Callable[[str], None]
) -> Iterator[tuple[str, str]]:
    """Run groups of scenarios in the processes of a pool, and save each as the point of its name.

    Points that exist are kept. Yields the name of each scenario with an error message ("": none). Once `is_over` says so,
    nothing further is begun. `tell` is called with how many are computed at once.

    A task whose process is killed is tried again. When the iteration is broken off, all processes end. Raises RunFailed
    if the pool does not start.
    """
    if not missing:
        return
    folders = PointFolders(sweep)
    mark = folders.make_mark()
    scenarios = {name: scenario for group in missing for name, scenario in group.items()}
    tasks = [PoolTask(groups, str(sweep), mark) for groups in split(list(missing), pool.count_groups(len(missing)))]
    try:
        for delivery in _carry_out(tasks, pool, is_over, tell):
            yield delivery.name, delivery.error or _take_over(folders, delivery, scenarios)
    finally:
        folders.remove_mark(mark)


def _carry_out(
    tasks: Sequence[PoolTask], pool: AbstractPool, is_over: Callable[[], bool], tell: Callable[[str], None]
) -> Iterator[Delivery]:
    """Yield what the processes of a pool deliver."""
    waiting, attempts, under_way = deque(range(len(tasks))), Counter[int](), dict[object, int]()
    room = (
        TaskLimit([group[name] for group in task.groups for name in list(group)[:1]] for task in tasks)
        if pool.is_here
        else None
    )
    told = 0
    with pool.running(len(tasks)):
        while under_way or (waiting and not is_over()):
            if is_over():
                waiting.clear()
            near = [*under_way.values(), *islice(waiting, pool.capacity)]
            most = pool.capacity if room is None else min(pool.capacity, room.find_most(near))
            if told == 0 or most < told:
                count = (
                    f"{sum(len(group) for task in tasks for group in task.groups):,} points to compute, {most} at once"
                    if told == 0
                    else f"{most} at once now"
                )
                tell(f"{count}: {room.describe(near)}" if room is not None and most < pool.capacity else count)
                told = most
            free = max(0, most - len(under_way))
            next_ones = [waiting.popleft() for _ in range(min(free, len(waiting)))]
            chosen = [tasks[number] for number in next_ones]
            if pool.capacity == 1:  # then the same process computes what waits
                following = [first_of(tasks[number].groups[0]) for number in islice(waiting, _FORESEEN)]
                chosen = [task._replace(following=following) for task in chosen]
            under_way |= zip(pool.submit(chosen), next_ones, strict=True)
            for handle in pool.wait(under_way.keys()):
                number = under_way.pop(handle)
                try:
                    for delivery in pool.result(handle):
                        if room is not None:
                            room.note(number, delivery.peak)
                        yield delivery
                except WorkerLost as lost:
                    attempts[number] += 1
                    if attempts[number] < _ATTEMPTS:
                        waiting.appendleft(number)
                    else:
                        yield from _give_up(tasks[number], str(lost))


def _give_up(task: PoolTask, reason: str) -> Iterator[Delivery]:
    """Yield an error for each point of a task that the lost processes have not saved."""
    folders = PointFolders(Path(task.sweep))
    problem = f"its worker process died {_ATTEMPTS} times ({reason or 'out of memory?'})"
    for group in task.groups:
        for name, scenario in group.items():
            yield Delivery(name, "" if folders.summary(name, scenario) is not None else problem)


def _take_over(folders: PointFolders, delivery: Delivery, scenarios: Mapping[str, Scenario]) -> str:
    """Save the files of a point whose process does not share the folder. Return an error message ("": none)."""
    if delivery.files is None:
        return ""
    return folders.deliver(delivery.name, scenarios[delivery.name], partial(folders.receive, delivery.name, delivery.files))
