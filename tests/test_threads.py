"""Threads: every result, at most so much under way, the first error, one BLAS thread."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from heschl.errors import UsageError
from heschl.threads import map_threads, n_threads, run_threads

JOBS = (1, 2, 5)


@pytest.mark.parametrize("jobs", JOBS)
@pytest.mark.parametrize("n", [0, 1, 3, 200])
def test_every_item_is_done_once(jobs, n):
    found = list(run_threads(lambda x: x * x, range(n), n_jobs=jobs))
    assert sorted(found) == [x * x for x in range(n)]


@pytest.mark.parametrize("jobs", JOBS)
def test_work_runs_in_as_many_threads_as_asked_for(jobs):
    """All of them meet at a barrier, which fewer threads could not pass."""
    barrier = threading.Barrier(jobs, timeout=20)

    def meet(_):
        barrier.wait()
        return threading.get_ident()

    used = set(run_threads(meet, range(4 * jobs), n_jobs=jobs))
    assert len(used) == jobs
    assert threading.get_ident() not in used


@pytest.mark.parametrize("jobs", JOBS)
def test_a_generator_is_never_far_ahead_of_the_consumer(jobs):
    taken = 0

    def items():
        nonlocal taken
        for i in range(100):
            taken += 1
            yield i

    received = 0
    for _ in run_threads(lambda x: x, items(), n_jobs=jobs):
        received += 1
        assert taken <= received + 2 * jobs
    assert received == taken == 100


def test_nothing_is_taken_before_the_first_result_is_wanted():
    taken = []
    results = run_threads(lambda x: x, (taken.append(i) for i in range(9)), n_jobs=1)
    assert taken == []
    results.close()


@pytest.mark.parametrize("jobs", JOBS)
def test_the_first_error_is_raised_and_the_rest_is_cancelled(jobs):
    started = []
    lock = threading.Lock()

    def work(x):
        with lock:
            started.append(x)
        if x == 3:
            raise ZeroDivisionError("item 3")
        return x

    def run():
        for x in run_threads(work, range(1000), n_jobs=jobs):
            assert x != 3

    with pytest.raises(ZeroDivisionError, match="item 3"):
        run()
    n_started = len(started)
    assert n_started <= 4 + 4 * jobs
    assert threading.active_count() < 20
    assert len(started) == n_started  # nothing goes on behind the error's back


def test_what_has_not_started_is_cancelled():
    """Item 0 fails while item 1, and perhaps 2, hold both threads: item 3 is never begun."""
    begun, release = [], threading.Event()

    def work(x):
        begun.append(x)
        if x == 0:
            raise ZeroDivisionError
        release.wait(20)

    later = threading.Timer(0.5, release.set)
    later.start()
    with pytest.raises(ZeroDivisionError):
        list(run_threads(work, range(9), n_jobs=2))
    later.join()
    assert 0 in begun
    assert set(begun) <= {0, 1, 2}


def test_an_error_of_the_generator_is_raised():
    def items():
        yield from range(5)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(run_threads(lambda x: x, items(), n_jobs=2))


def test_a_consumer_that_stops_cancels_the_rest():
    done = []
    results = run_threads(done.append, range(1000), n_jobs=2)
    next(results)
    results.close()
    finished = len(done)
    assert finished <= 5  # the one received, and at most two a thread
    assert len(done) == finished


def test_no_threads_are_left(monkeypatch):
    before = threading.active_count()
    list(run_threads(abs, range(10), n_jobs=4))
    assert threading.active_count() == before


@pytest.mark.parametrize("jobs", JOBS)
def test_mapped_results_come_in_order(jobs):
    """Later items are done first."""

    def work(x):
        time.sleep(0.002 * (20 - x))
        return x * x

    assert list(map_threads(work, range(20), n_jobs=jobs)) == [x * x for x in range(20)]


@pytest.mark.parametrize("jobs", JOBS)
def test_mapping_is_never_far_ahead_and_stops_at_the_first_error(jobs):
    begun = []

    def work(x):
        begun.append(x)
        if x in {3, 4}:
            raise ZeroDivisionError(f"item {x}")
        return x

    received = []
    with pytest.raises(ZeroDivisionError, match="item 3"):
        received.extend(map_threads(work, range(1000), n_jobs=jobs))
    assert len(begun) <= 4 + 2 * jobs
    assert threading.active_count() < 20


@pytest.mark.parametrize("jobs", [0, -1])
def test_no_jobs_are_refused(jobs):
    with pytest.raises(UsageError, match=f"n_jobs is {jobs}; expected a whole number of at least"):
        n_threads(jobs)
    with pytest.raises(UsageError, match=f"n_jobs is {jobs}"):
        list(run_threads(abs, range(3), n_jobs=jobs))


def test_as_many_threads_as_cores_by_default():
    assert n_threads(7) == 7
    if hasattr(os, "sched_getaffinity"):
        cores = os.sched_getaffinity(0)
        assert n_threads() == len(cores)
        os.sched_setaffinity(0, {min(cores)})
        try:
            assert n_threads() == 1
        finally:
            os.sched_setaffinity(0, cores)
    else:
        assert n_threads() == os.cpu_count()


def blas_threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_its_own_number_afterwards():
    with threadpool_limits(limits=3, user_api="blas"):
        before = blas_threads()
        if not before:
            pytest.skip("threadpoolctl knows no BLAS here")
        inside = list(run_threads(lambda _: blas_threads(), range(4), n_jobs=2))
        assert inside == [{1}] * 4
        assert blas_threads() == before

        def fail(_):
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            list(run_threads(fail, range(4), n_jobs=2))
        assert blas_threads() == before
