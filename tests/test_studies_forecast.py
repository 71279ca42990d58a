"""Forecasts: cases solved by hand, bounds, and the decisions of a run."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heschl.cli import run
from heschl.errors import UsageError
from heschl.studies.costs import Cost
from heschl.studies.forecast import Conditions, Piece, Worker, forecast
from heschl.studies.jobs import Job

#: Nothing but the jobs themselves takes time.
IDEAL = Conditions(core_speed=1.0, gpu_speed=1.0, bandwidth=1.0, decision=0.0, start=0.0)


def study(*groups):
    """Return jobs and pieces: each group is an extraction's seconds, then its analyses'."""
    jobs, pieces = [], []
    for extraction, *analyses in groups:
        first = len(jobs)
        steps = tuple(range(first, first + len(analyses)))  # names that differ are enough
        jobs.append(Job(steps, "extraction"))
        jobs += [Job((step,), "analysis", after=first) for step in steps]
        pieces += [Piece(Cost(serial=one)) for one in (extraction, *analyses)]
    return jobs, pieces


def seconds(groups, n_workers, conditions=IDEAL):
    return forecast(*study(*groups), [Worker()] * n_workers, conditions)


# by hand


def test_one_worker_does_one_job_after_the_other():
    found = seconds([(3, 2, 1), (4, 5)], 1)
    assert found.seconds == 15
    assert found.busy == 1
    assert found.bottleneck == "workers"


def test_two_workers_and_three_jobs():
    # 0-2 the extraction, alone; then 3 and 4 side by side
    found = seconds([(2, 3, 4)], 2)
    assert found.seconds == 6
    assert found.busy == pytest.approx((2 + 3 + 4) / (2 * 6))
    assert found.bounds == {"longest chain": 6, "workers": 4.5}
    assert found.bottleneck == "longest chain"


def test_an_earlier_analysis_goes_first_but_not_before_what_a_worker_has_ready():
    # all three extractions are given out at once. a: first extraction 0-2; the third lies ready,
    # 2-4; the second's analysis 4-5. b: second extraction 0-3; the first's analysis, which is
    # earlier than the second's, 3-8. a again: the third's analysis 5-6
    found = seconds([(2, 5), (3, 1), (2, 1)], 2)
    assert found.seconds == 8
    assert found.busy == pytest.approx(14 / 16)
    # with two more workers nothing lies ready for long: 2 + 5 is the longest chain
    assert seconds([(2, 5), (3, 1), (2, 1)], 4).seconds == 7


def test_what_is_there_takes_nothing_and_is_not_waited_for():
    jobs, pieces = study((2, 30, 4))
    pieces[1] = Piece(Cost())
    found = forecast(jobs, pieces, [Worker()] * 2, IDEAL, there=frozenset({0}))
    assert found.seconds == 6
    assert found.n_jobs == 2


def test_workers_share_the_file_system():
    # both read 6 bytes at one a second, one after the other, then compute for 1 s, and write 2
    jobs, _ = study((0,), (0,))
    pieces = [Piece(Cost(serial=1, read=6, disk=2))] * 2
    found = forecast(jobs, pieces, [Worker()] * 2, IDEAL)
    # a reads 0-6, computes 6-7, is behind b's reading (6-12), writes 12-14; b: 12-13, writes 14-16
    assert found.seconds == 16
    assert found.bytes_moved == 16
    assert found.bounds["file system"] == 16
    assert found.bottleneck == "file system"
    faster = dataclasses.replace(IDEAL, bandwidth=2.0)
    assert forecast(jobs, pieces, [Worker()] * 2, faster).seconds == 8


def test_models_and_data_are_brought_once_to_a_worker_while_they_stay():
    jobs, _ = study((0,), (0,), (0,), (0,))
    loading, opening = Cost(serial=10, read=5), Cost(serial=1, read=3)
    pieces = [
        Piece(Cost(serial=1), model, loading, data, opening)
        for model, data in (("a", "x"), ("a", "y"), ("b", "x"), ("a", "x"))
    ]
    found = forecast(jobs, pieces, [Worker()], dataclasses.replace(IDEAL, bandwidth=1e12))
    # a, b, a again: three loadings; x and y: two openings
    assert found.seconds == pytest.approx(4 + 3 * 10 + 2 * 1)
    assert found.bytes_moved == 3 * 5 + 2 * 3


def test_the_user_process_decides_one_after_the_other():
    slow = dataclasses.replace(IDEAL, decision=2.0)
    found = seconds([(1,), (1,), (1,), (1,)], 4, slow)
    assert found.seconds == 1 + 4 * 2
    assert found.bounds["decisions"] == 8
    assert found.bottleneck == "decisions"


def test_cores_share_what_can_be_shared_and_gpus_do_networks():
    jobs, _ = study((0,))
    piece = Piece(Cost(serial=1, parallel=8, operations=12), on_gpu=True)
    conditions = dataclasses.replace(IDEAL, core_speed=1.0, gpu_speed=6.0)
    on_cores = forecast(jobs, [piece], [Worker(cores=4)], conditions)
    assert on_cores.seconds == 1 + 8 / 4 + 12 / 4
    assert on_cores.cores == pytest.approx((1 + 8 + 12) / (4 * 6))
    assert on_cores.gpus == 0
    on_gpu = forecast(jobs, [piece], [Worker(cores=4, gpu=True)], conditions)
    assert on_gpu.seconds == 1 + 8 / 4 + 12 / 6
    assert on_gpu.gpus == pytest.approx(2 / 5)
    not_asked = forecast(
        jobs, [dataclasses.replace(piece, on_gpu=False)], [Worker(cores=4, gpu=True)], conditions
    )
    assert not_asked.seconds == on_cores.seconds


def test_gpus_are_kept_for_what_asks_for_them():
    jobs, _ = study((0,), (0,))
    plain, network = Piece(Cost(serial=5)), Piece(Cost(operations=5), on_gpu=True)
    workers = [Worker(gpu=True), Worker()]
    assert forecast(jobs, [plain, network], workers, IDEAL).seconds == 5
    # two that ask for the only GPU
    found = forecast(jobs, [network, network], workers, IDEAL)
    assert found.seconds == 10
    assert found.bounds["GPUs"] == 10
    assert found.bottleneck == "GPUs"


def test_a_job_waits_for_a_worker_with_enough_memory():
    jobs, _ = study((0,), (0,), (0,))
    large, small = Piece(Cost(serial=4, memory=8)), Piece(Cost(serial=4, memory=1))
    workers = [Worker(memory=2), Worker(memory=8)]
    assert forecast(jobs, [large, large, small], workers, IDEAL).seconds == 8
    assert forecast(jobs, [small, small, small], workers, IDEAL).seconds == 8
    told = forecast(jobs, [Piece(Cost(serial=4, memory=9)), large, small], workers, IDEAL)
    assert (told.too_large, told.memory) == (1, 9)
    assert told.seconds == 8  # the one with most is tried


def test_it_begins_when_workers_are_there():
    late = dataclasses.replace(IDEAL, start=60.0)
    found = seconds([(2, 3, 4)], 2, late)
    assert found.seconds == 66
    assert found.busy == pytest.approx(9 / 12)
    assert found.core_seconds == 9 + 2 * 60
    assert found.bounds["longest chain"] == 66


def test_what_is_refused():
    jobs, pieces = study((1, 2))
    with pytest.raises(UsageError, match="no workers"):
        forecast(jobs, pieces, [], IDEAL)
    with pytest.raises(UsageError, match="1 pieces of 2 jobs"):
        forecast(jobs, pieces[:1], [Worker()], IDEAL)


# bounds


whole = st.integers(1, 50).map(float)
groups = st.lists(st.lists(whole, min_size=1, max_size=5).map(tuple), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(groups, st.integers(1, 7))
def test_never_faster_than_possible_nor_twice_as_slow(groups, n_workers):
    found = seconds(groups, n_workers)
    work = sum(map(sum, groups))
    chain = max(first + max(rest, default=0) for first, *rest in groups)
    least = max(work / n_workers, chain)
    assert found.seconds >= least - 1e-9
    # Graham (1969): (1 - 1/m) of the longest chain beside the work
    assert found.seconds <= work / n_workers + (1 - 1 / n_workers) * chain + 1e-9
    assert found.bounds["longest chain"] == chain
    assert found.bounds["workers"] == pytest.approx(work / n_workers)
    assert found.busy == pytest.approx(work / (n_workers * found.seconds))
    assert found.n_jobs == sum(map(len, groups))


@settings(max_examples=50, deadline=None)
@given(groups, st.integers(1, 5), st.floats(0.0, 3.0), st.floats(0.1, 10.0))
def test_every_bound_holds(groups, n_workers, decision, bandwidth):
    jobs, pieces = study(*groups)
    pieces = [
        dataclasses.replace(one, cost=dataclasses.replace(one.cost, read=number % 7, disk=3.0))
        for number, one in enumerate(pieces)
    ]
    conditions = dataclasses.replace(IDEAL, decision=decision, bandwidth=bandwidth)
    found = forecast(jobs, pieces, [Worker()] * n_workers, conditions)
    assert all(found.seconds >= bound - 1e-6 for bound in found.bounds.values())
    assert 0 < found.busy <= 1 + 1e-9
    assert 0 < found.cores <= found.busy + 1e-9


# the command


def test_the_plan_says_how_long_on_a_cluster(tmp_path, capsys):
    path = tmp_path / "quick.yaml"
    path.write_text(
        "study: quick\ntitle: t\nmodels: [melspectrogram, cochleagram]\ndatasets: [nh2015]\n"
    )
    queue = tmp_path / "gpus.yaml"
    queue.write_text("system: slurm\nworkers: 3\ncores: 4\nmemory: 100 MB\ngpus: 1\n")
    out = str(tmp_path / "out")
    assert run(["study", "plan", str(path), "-o", out, "--cluster", "local:2"]) == 0
    said = capsys.readouterr().out
    assert "on 2 workers with" in said
    assert "longest chain" in said
    assert "GPU" not in said
    assert run(["study", "plan", str(path), "-o", out, "--cluster", str(queue)]) == 0
    said = capsys.readouterr().out
    assert "on 3 workers with 12 cores and 3 GPUs" in said
    assert "6 jobs want more memory than a worker has" in said
    assert "say --device cuda" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--cluster", "tcp://10.0.0.1:8786"], "expected local:N, or a cluster file"),
        (["--cluster", "nonsense"], "cluster is 'nonsense'"),
        (["--cluster", "local:2", "--bandwidth", "fast"], "'fast': no size"),
        (["--cluster", "local:2", "--gpu-speed", "0"], "gpu-speed is 0"),
    ],
)
def test_what_the_plan_refuses(options, said, tmp_path, capsys):
    path = tmp_path / "quick.yaml"
    path.write_text("study: q\ntitle: t\nmodels: [melspectrogram]\ndatasets: [nh2015]\n")
    assert run(["study", "plan", str(path), "-o", str(tmp_path / "out"), *options]) != 0
    assert said in capsys.readouterr().err
