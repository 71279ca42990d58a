"""What is decided while a study is carried out: what is done next, again, or not at all."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from datetime import datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import small_study
from heschl.studies import Running, carrying, journal, read_journal, read_study, run_study
from heschl.studies.carrying import MOST_DEATHS, MOST_WITHDRAWN, WAITS, Carrying
from heschl.studies.jobs import Extracted, Job, Outcome, Trouble, jobs_of
from heschl.studies.steps import steps_of

KINDS = ("lasting", "temporary", "memory", "lost", "withdrawn")


def study_of(*n_analyses):
    """Return the jobs of a made-up study: for each number an extraction and so many analyses."""
    jobs, place = [], 0
    for model, n in enumerate(n_analyses):
        extraction, places = len(jobs), tuple(range(place, place + n))
        jobs.append(Job(places, f"model {model}"))
        jobs += [Job((one,), f"model {model}: {one}", after=extraction) for one in places]
        place += n
    return jobs


def done(job, there=()):
    """Return how a job ends well; of an extraction, with results that are there already."""
    if not job.extracts:
        return Outcome(f"result-{job.steps[0]}")
    names = {place: f"result-{place}" for place in job.steps}
    return Outcome(Extracted(names, frozenset(there), {"": "key"}))


def failed(kind):
    return Outcome(trouble=Trouble(kind, f"it was {kind}"))


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


def one_process(carried, ends=done):
    """Do one job after the other; return the numbers of the jobs, and what ended."""
    order, over = [], []
    while not carried.over:
        attempt = carried.next()
        order.append(attempt.number)
        over += carried.take(attempt, ends(attempt.job))
    return order, over


# a crew that does what it likes


class AnyCrew(RuleBasedStateMachine):
    """Several jobs under way at once, which end in any order and in any way."""

    @initialize(sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4))
    def begin(self, sizes):
        self.clock = Clock()
        self.jobs = study_of(*sizes)
        self.carried = Carrying(self.jobs, clock=self.clock)
        self.under_way, self.over = {}, {}
        self.kinds = [Counter() for _ in self.jobs]
        self.due = {}

    @rule()
    def give(self):
        attempt = self.carried.next()
        if attempt is None:
            return
        number = attempt.number
        assert number not in self.under_way, "given out twice"
        assert number not in self.over, "given out though it is over"
        assert self.clock.now >= self.due.get(number, 0.0), "given out too early"
        assert attempt.job == self.jobs[number]
        assert attempt.tries == self.kinds[number].total()
        assert attempt.smaller == (self.kinds[number]["memory"] > 0)
        if attempt.job.after is None:
            assert attempt.extracted is None
        else:
            extraction = self.over[attempt.job.after]
            assert extraction.trouble is None
            assert attempt.extracted == extraction.result
        self.under_way[number] = attempt

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def end_well(self, data):
        attempt = self._some(data)
        there = data.draw(st.sets(st.sampled_from(attempt.job.steps)))
        ended = self.carried.take(attempt, done(attempt.job, there))
        known = [n for n in self._after(attempt) if self.jobs[n].steps[0] in there]
        assert [one.number for one in ended] == [attempt.number, *known]
        assert all(one.trouble is None for one in ended)
        self._note(ended)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), kind=st.sampled_from(KINDS))
    def end_badly(self, data, kind):
        attempt = self._some(data)
        seen = self.kinds[attempt.number]
        most = {"lasting": 0, "memory": 1, "temporary": len(WAITS), "lost": MOST_DEATHS}
        again = seen[kind] < most.get(kind, MOST_WITHDRAWN)
        if kind == "temporary" and again:
            self.due[attempt.number] = self.clock.now + WAITS[seen[kind]]
        seen[kind] += 1
        ended = self.carried.take(attempt, failed(kind))
        expected = [] if again else [attempt.number, *self._after(attempt)]
        assert [one.number for one in ended] == expected
        assert all(one.trouble.kind == kind and one.result is None for one in ended)
        self._note(ended)

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 20.0, 61.0, 200.0]))
    def time_passes(self, seconds):
        self.clock.now += seconds

    def _some(self, data):
        return self.under_way.pop(data.draw(st.sampled_from(sorted(self.under_way))))

    def _after(self, attempt):
        return [n for n, job in enumerate(self.jobs) if job.after == attempt.number]

    def _note(self, ended):
        for one in ended:
            assert one.number not in self.over, "ended twice"
            assert one.job == self.jobs[one.number]
            self.over[one.number] = one

    @invariant()
    def counts_agree(self):
        assert self.carried.n_ended == len(self.over)
        assert self.carried.over == (len(self.over) == len(self.jobs))
        if not self.under_way and not self.carried.over and self.carried.wait() is None:
            assert self._something_is_ready(), "nothing can be done, and nothing is waited for"

    def _something_is_ready(self):
        open_jobs = [n for n in range(len(self.jobs)) if n not in self.over]
        return any(self.jobs[n].after is None or self.jobs[n].after in self.over for n in open_jobs)

    def teardown(self):
        """Whatever happened, the rest can be done, and then every job has ended once."""
        for attempt in self.under_way.values():
            self._note(self.carried.take(attempt, done(attempt.job)))
        while not self.carried.over:
            attempt = self.carried.next()
            if attempt is None:
                wait = self.carried.wait()
                assert wait > 0
                self.clock.now += wait
            else:
                self._note(self.carried.take(attempt, done(attempt.job)))
        assert sorted(self.over) == list(range(len(self.jobs)))
        assert self.carried.next() is None


AnyCrew.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestAnyCrew = AnyCrew.TestCase


# single decisions


def test_the_order_is_that_of_one_process(tmp_path):
    """Model by model, each extraction before its analyses."""
    steps = steps_of(read_study(small_study.write(tmp_path, "controls: ['random:0']\n")))
    jobs = jobs_of(steps, {step.model for step in steps})
    order, over = one_process(Carrying(jobs))
    assert order == list(range(len(jobs)))
    analyses = [jobs[number].steps[0] for number in order if not jobs[number].extracts]
    assert analyses == list(range(len(steps)))
    assert [one.number for one in over] == order
    extractions = [job for job in jobs if job.extracts]
    assert [place for job in extractions for place in job.steps] == list(range(len(steps)))


def test_models_that_are_not_wanted_have_no_jobs(tmp_path):
    steps = steps_of(read_study(small_study.write(tmp_path)))
    jobs = jobs_of(steps, {"cochleagram"})
    assert {steps[place].model for job in jobs for place in job.steps} == {"cochleagram"}
    assert sum(not job.extracts for job in jobs) == 3


@pytest.mark.parametrize("number", [0, 1])
def test_a_temporary_trouble_is_waited_for_ever_longer_then_fails(number):
    clock = Clock()
    carried = Carrying(study_of(1), clock=clock)
    if number == 1:
        carried.take(carried.next(), done(carried.jobs[0]))
    for wait in (5.0, 20.0, 60.0, 180.0):
        assert carried.take(carried.next(), failed("temporary")) == []
        assert carried.next() is None
        assert carried.wait() == wait
        clock.now += wait - 0.001
        assert carried.next() is None
        clock.now += 0.001
    ended = carried.take(carried.next(), failed("temporary"))
    assert [one.number for one in ended] == ([0, 1] if number == 0 else [1])
    assert carried.over


def test_while_one_job_waits_the_others_go_on():
    clock = Clock()
    carried = Carrying(study_of(1, 1), clock=clock)
    carried.take(carried.next(), failed("temporary"))
    order = []
    while (attempt := carried.next()) is not None:
        order.append(attempt.number)
        carried.take(attempt, done(attempt.job))
    assert order == [2, 3]
    clock.now += WAITS[0]
    assert one_process(carried)[0] == [0, 1]


def test_a_lasting_trouble_of_an_extraction_fails_its_analyses_and_no_others():
    carried = Carrying(study_of(2, 2))
    ended = carried.take(carried.next(), failed("lasting"))
    assert [(one.number, one.trouble.text) for one in ended] == [
        (number, "it was lasting") for number in (0, 1, 2)
    ]
    order, over = one_process(carried)
    assert order == [3, 4, 5]
    assert all(one.trouble is None for one in over)


def test_memory_is_tried_once_more_with_less():
    carried = Carrying(study_of(1))
    first = carried.next()
    assert carried.take(first, failed("memory")) == []
    second = carried.next()
    assert (first.smaller, second.smaller, second.tries) == (False, True, 1)
    assert len(carried.take(second, failed("memory"))) == 2


def test_a_job_that_kills_is_tried_after_the_others_and_not_for_ever():
    jobs = study_of(1, 1)
    carried, order = Carrying(jobs), []

    def ends(job):
        return failed("lost") if job is jobs[0] else done(job)

    order, over = one_process(carried, ends)
    assert order == [0, 2, 3, *[0] * MOST_DEATHS]
    assert {one.number: one.trouble is None for one in over} == {
        0: False, 1: False, 2: True, 3: True,
    }  # fmt: skip


def test_whoever_gave_it_out_may_be_lost_often_but_not_for_ever():
    carried = Carrying(study_of(1))
    for _ in range(MOST_WITHDRAWN):
        assert carried.take(carried.next(), failed("withdrawn")) == []
    assert len(carried.take(carried.next(), failed("withdrawn"))) == 2


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(KINDS), max_size=20))
def test_troubles_of_several_kinds_are_counted_each_for_itself(kinds):
    clock, seen = Clock(), Counter()
    carried = Carrying(study_of(1), clock=clock)
    most = {"lasting": 0, "memory": 1, "temporary": len(WAITS), "lost": MOST_DEATHS}
    for kind in kinds:
        clock.now += carried.wait() or 0.0
        over = carried.take(carried.next(), failed(kind))
        seen[kind] += 1
        assert bool(over) == (seen[kind] > most.get(kind, MOST_WITHDRAWN))
        if over:
            return


# clocks


def test_a_clock_that_jumps_by_days_changes_nothing(tmp_path, monkeypatch):
    """Time of day goes forward and back; only the journal, which is for people, says so."""
    days = itertools.cycle([-3, 5, -400, 0, 90])
    real = time.time

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=next(days))

    path = tmp_path / "quick.yaml"
    path.write_text(
        "study: quick\ntitle: t\nmodels: [melspectrogram]\ndatasets: [synthetic]\n"
        "metrics: [rsa]\nbootstrap: 0\nlayer_profiles: false\n"
    )
    how = Running(show_progress=False, n_jobs=1)
    run_study(read_study(path), tmp_path / "calm", how=how)
    with monkeypatch.context() as patch:
        patch.setenv("HESCHL_HOME", str(tmp_path / "home"))
        patch.setattr(time, "time", lambda: real() + 86_400 * next(days))
        patch.setattr(journal, "datetime", Jumping)
        run_study(read_study(path), tmp_path / "jumping", how=how)
    ended = pd.to_datetime(read_journal(tmp_path / "jumping")["ended"])
    assert abs(ended.diff().iloc[1]) > timedelta(days=2), "no clock that anything looks at jumped"
    assert small_study.tables(tmp_path / "jumping") == small_study.tables(tmp_path / "calm")


def test_the_clock_is_one_that_never_jumps():
    assert carrying.Carrying(study_of(1))._clock is time.monotonic
