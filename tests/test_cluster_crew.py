"""What happens at both ends of a cluster: in a worker, and where jobs are given out."""

from __future__ import annotations

import sys
import warnings
from concurrent.futures import CancelledError

import pytest

import small_study
from heschl.cluster import crew as crew_module
from heschl.cluster import remote
from heschl.errors import ClusterError, HeschlWarning
from heschl.studies import Running, read_study
from heschl.studies.carrying import Carrying
from heschl.studies.desk import Desk
from heschl.studies.jobs import Outcome, jobs_of
from heschl.studies.steps import steps_of

distributed = pytest.importorskip("distributed")

QUIET = Running(show_progress=False, n_jobs=1)


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch):
    monkeypatch.setattr(remote, "_desks", {})


@pytest.fixture
def file(tmp_path):
    return read_study(small_study.write(tmp_path))


@pytest.fixture
def order(file, tmp_path):
    return remote.make_order(file, tmp_path / "out", QUIET)


@pytest.fixture
def attempt(file):
    return Carrying(jobs_of(steps_of(file), {"melspectrogram", "cochleagram"})).next()


# in a worker


def test_an_order_tells_runs_apart_and_keeps_the_text(file, tmp_path):
    first = remote.make_order(file, tmp_path / "out", QUIET)
    second = remote.make_order(file, tmp_path / "out", QUIET)
    assert first.run != second.run
    assert first.said == second.said
    assert first.said.read_text() == file.text
    assert first.folder.is_absolute()


def test_a_job_in_a_worker(order, attempt):
    outcome = remote.do(order, attempt, None)
    assert outcome.trouble is None
    assert outcome.result.activations
    assert order.begun(attempt).is_file()
    assert outcome.where
    order.close()
    assert [path.name for path in order.said.parent.iterdir()] == [order.said.name]


def test_a_folder_that_is_not_shared_is_a_temporary_trouble(order, attempt):
    order.said.unlink()
    trouble = remote.do(order, attempt, 1).trouble
    assert trouble.kind == "temporary"
    assert "expected the study's folder on a file system that all workers share" in trouble.text


def test_another_version_is_a_lasting_trouble(order, attempt, monkeypatch):
    monkeypatch.setattr(remote, "versions", lambda: {**dict(order.versions), "torch": "1.0"})
    trouble = remote.do(order, attempt, 1).trouble
    assert trouble.kind == "lasting"
    assert "has {'torch': '1.0'}; expected {'torch': " in trouble.text
    assert not order.begun(attempt).exists()


def test_warnings_come_back_each_once(order, attempt, monkeypatch):
    def warns(desk, attempt):
        for text in ("low", "low", "high"):
            warnings.warn(text, HeschlWarning, stacklevel=1)
        return Outcome("result")

    monkeypatch.setattr(Desk, "do", warns)
    assert remote.do(order, attempt, 1).warnings == ("low", "high")


def test_what_cannot_be_begun_is_told(order, attempt):
    order.said.write_text("study: [", encoding="utf-8")
    trouble = remote.do(order, attempt, 1).trouble
    assert trouble.kind == "lasting"
    assert order.path.name in trouble.text


def test_jobs_of_one_run_share_what_is_loaded_and_those_of_another_do_not(order, file, attempt):
    first = remote._begin(order, attempt, 1)
    assert remote._begin(order, attempt, 1) is first
    assert remote._begin(order, attempt, 2) is not first
    other = remote.make_order(file, order.folder, QUIET)
    assert remote._begin(other, attempt, 2) is not first
    assert len(remote._desks) == 1, "of one run at a time"


def test_only_modules_of_users_are_forgotten(tmp_path, monkeypatch):
    (tmp_path / "models" / "package").mkdir(parents=True)
    (tmp_path / "models" / "single.py").write_text("")
    (tmp_path / "models" / "package" / "__init__.py").write_text("")
    (tmp_path / "models" / "package" / "part.py").write_text("")
    (tmp_path / "models" / "bare").mkdir()
    (tmp_path / "models" / "bare" / "part.py").write_text("")
    (tmp_path / "elsewhere.py").write_text("")
    path = small_study.write(tmp_path)
    entry = "{name: 'torch:single:load', modules: models}"
    path.write_text(path.read_text().replace("[melspectrogram,", f"[{entry},"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(tmp_path / "models")
    for name in ("single", "package.part", "bare.part", "elsewhere"):
        __import__(name)
    remote._forget_modules(read_study(path))
    firsts = {name.partition(".")[0] for name in sys.modules}
    assert {"single", "package", "bare", "elsewhere", "numpy", "heschl"} & firsts == {
        "elsewhere", "numpy", "heschl",
    }  # fmt: skip


# where jobs are given out


class _Future:
    def __init__(self, status, result=None):
        self.status, self._result = status, result

    def result(self):
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def exception(self):
        return self._result


def killed():
    return distributed.KilledWorker("key", None, 3)


@pytest.mark.parametrize(
    ("future", "begun", "kind"),
    [
        (_Future("finished", CancelledError()), True, "withdrawn"),
        (_Future("finished", OSError("closed")), True, "withdrawn"),
        (_Future("cancelled"), True, "withdrawn"),
        (_Future("lost"), True, "withdrawn"),
        (_Future("error", killed()), True, "lost"),
        (_Future("error", killed()), False, "withdrawn"),
        (_Future("error", ModuleNotFoundError("no heschl")), False, "lasting"),
        (_Future("error", MemoryError()), False, "memory"),
    ],
)
def test_ends_of_jobs(future, begun, kind):
    assert crew_module._outcome(future, begun=lambda: begun).trouble.kind == kind


def test_a_job_that_was_done():
    outcome = Outcome("result")
    assert crew_module._outcome(_Future("finished", outcome), begun=lambda: True) is outcome


class _Client:
    """Of a scheduler that is lost between two questions."""

    def __init__(self, workers, *, refuses=False):
        self.status, self.workers, self.refuses = "running", workers, refuses

    def scheduler_info(self, n_workers):
        return {"workers": self.workers} if self.status == "running" else {}

    def submit(self, *_, **__):
        self.status = "closed"
        raise RuntimeError("closed")


def made(order, file, client, **how):
    return crew_module._DaskCrew(order, steps_of(file), Running(**how), lambda: client, 0.0)


@pytest.mark.parametrize("workers", [{}, {"a": {"resources": {"CORES": 1.0}}}])
def test_a_job_that_could_not_be_given_comes_back(order, file, attempt, workers):
    client = _Client(workers)
    crew = made(order, file, client)
    assert crew.free() == bool(workers)
    crew.give(attempt)
    client.status = "running"
    given, outcome = crew.next(0.0)
    assert given is attempt
    assert outcome.trouble.kind == "withdrawn"


def test_a_mistake_in_giving_is_not_taken_for_a_lost_scheduler(order, file, attempt):
    client = _Client({"a": {"resources": {}}})
    client.submit = lambda *_, **__: pytest.fail("no such option", pytrace=False)
    crew = made(order, file, client)
    with pytest.raises(pytest.fail.Exception):
        crew.give(attempt)


def test_a_gpu_is_asked_for_before_anything_is_given(order, file, attempt):
    crew = made(order, file, _Client({"a": {"resources": {"CORES": 1.0}}}), device="cuda")
    with pytest.raises(ClusterError, match=r"none of 1 workers has a GPU; expected"):
        crew.give(attempt)


def test_a_scheduler_that_does_not_come_back(order, file, monkeypatch):
    monkeypatch.setattr(crew_module, "BETWEEN", 0.0)
    client = _Client({})
    crew = made(order, file, client)
    client.status = "closed"

    def refuse():
        raise OSError("refused")

    crew._connect = refuse
    with pytest.raises(ClusterError, match=r"no scheduler can be reached \(refused\); .* is kept"):
        crew.next(0.0)


def test_no_more_jobs_than_workers_and_one_ahead(order, file, attempt):
    crew = made(order, file, _Client({name: {"resources": {}} for name in "abc"}))
    given = 0
    while crew.free():
        crew._under_way[str(given)] = (attempt, None)
        given += 1
    assert given == 6
