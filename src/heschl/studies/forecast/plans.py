"""From the plan of a study to a forecast of it."""

from __future__ import annotations

from collections.abc import Sequence

from heschl.studies.costs import NOTHING
from heschl.studies.forecast.paper import forecast
from heschl.studies.forecast.terms import Conditions, Forecast, Piece, Worker
from heschl.studies.jobs import Job, jobs_of
from heschl.studies.planning import Plan, PlannedStep


def forecast_plan(
    plan: Plan, workers: Sequence[Worker], conditions: Conditions, *, on_gpus: bool = False
) -> Forecast:
    """Say how long what is to do of a study takes on workers.

    Parameters
    ----------
    plan : Plan
    workers : sequence of Worker
    conditions : Conditions
    on_gpus : bool, optional
        Whether networks and probes run on GPUs, where workers have them (``--device cuda``).

    Returns
    -------
    Forecast
        What cannot be done takes no time, nor does what has to be downloaded.

    Raises
    ------
    UsageError
        If there are no workers.
    """
    jobs = jobs_of([one.step for one in plan.steps], {one.step.model for one in plan.steps})
    loading = {one.step.model: one.loading for one in plan.steps if one.loading != NOTHING}
    opening = {_data(one): one.opening for one in plan.steps if one.opening != NOTHING}
    there = frozenset(place for place, one in enumerate(plan.steps) if one.state != "to do")

    def piece(job: Job) -> Piece:
        steps = [plan.steps[place] for place in job.steps]
        if there.issuperset(job.steps):
            return Piece(NOTHING)
        first, key = steps[0].step, _data(steps[0])
        if not job.extracts:
            on_gpu = on_gpus and first.probes
            return Piece(steps[0].analysis, "", NOTHING, key, opening.get(key, NOTHING), on_gpu)
        return Piece(
            sum((one.extraction for one in steps), NOTHING),
            first.model,
            loading.get(first.model, NOTHING),
            key,
            opening.get(key, NOTHING),
            on_gpus,
        )

    pieces = [piece(job) for job in jobs]
    return forecast(jobs, pieces, workers, conditions, there=there)


def _data(one: PlannedStep) -> str:
    return f"{one.step.probes} {one.step.data}"
