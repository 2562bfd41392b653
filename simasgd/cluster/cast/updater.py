"""The work of the parameter server, or of a centre: its processor."""

from __future__ import annotations

from functools import partial

from simasgd.cluster.cast.context import RunContext
from simasgd.cluster.clock import compute
from simasgd.cluster.clock.log import UPDATE
from simasgd.cluster.clock.pace import ScheduledPace
from simasgd.cluster.clock.pipe import Pipe
from simasgd.cluster.clock.processor import Processor


def make_processor(context: RunContext) -> Processor:
    """Make the processor of the parameter server, whose shards each do the work on their part of the weights."""
    server, shards = context.spec.server, context.spec.architecture.parts
    pauses = [(pause.at, pause.at + pause.lasting, 0.0) for pause in context.spec.faults.server_pauses]
    pace = ScheduledPace(pauses) if pauses else None
    pipe = Pipe("server", pace=pace, log=context.log, group="servers", activity=UPDATE)
    times = compute.update_times(server.update / shards, compute.law(server.update_law), context.seed)
    pause_end = None if pace is None else partial(pace.end, work=0.0)
    return Processor(context.env, pipe, times, server.per_gradient / shards, pause_end)
