"""What studies need is brought to a machine once, however many processes want it."""

from __future__ import annotations

import dataclasses
import threading
import time

import pytest

from heschl.brain import DATASETS
from heschl.registry import Registry
from heschl.studies import data as data_module
from heschl.studies import read_study
from heschl.studies.data import Data
from heschl.studies.steps import steps_of


@pytest.mark.shared
def test_a_copy_is_taken_by_one_of_several(tmp_path, shared, monkeypatch):
    path = tmp_path / "one.yaml"
    path.write_text(
        "study: one\ntitle: t\nmodels: [melspectrogram]\ndatasets:\n"
        f"  - {{name: natsound165, from: {shared / 'data' / 'natsound165'}}}\n"
    )
    spec, taken = DATASETS["natsound165"], []

    def fetch(source):
        taken.append(source)
        time.sleep(0.5)  # so that the others come meanwhile
        return spec.fetch(source)

    counting = Registry("dataset", [dataclasses.replace(spec, fetch=fetch)])
    monkeypatch.setattr(data_module, "DATASETS", counting)
    file = read_study(path)
    step = steps_of(file)[0]
    found, begin = [], threading.Barrier(3)

    def work():
        begin.wait()
        found.append(Data(file).dataset(step).n_targets)

    # locks are those of open files: threads are kept apart as processes are
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [6, 6, 6]
    assert len(taken) == 1
    assert counting["natsound165"].plan().todo == ()
