"""Which checkpoints there are: in a folder, as references, in a folder of the hub."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn

from heschl.dynamics import PUBLISHED, find_checkpoints
from heschl.dynamics import hub as hub_module
from heschl.dynamics.checkpoints import step_in
from heschl.dynamics.hub import bring, remove
from heschl.errors import FetchError, InputError, OfflineError, UsageError
from heschl.fetch import downloading
from loopback import Loopback


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("step-00001000", 1000),
        ("checkpoint-500", 500),
        ("epoch=3-step=1000.ckpt", 1000),
        ("epoch=3-step=2000-loss=0.12.ckpt", 2000),
        ("checkpoint_3_step_70.pt", 70),
        ("mel256-ec-base=12000.ckpt", 12_000),
        ("model_v2_30.pt", 30),
        ("iter_40.safetensors", 40),
        ("last.ckpt", None),
    ],
)
def test_step_in_a_name(name, step):
    assert step_in(name) == step


def test_a_folder_in_the_order_of_its_steps(tmp_path):
    for name in ("step=10.ckpt", "step=9.ckpt", "step=100.ckpt", "last.ckpt", "step=3.txt"):
        (tmp_path / name).write_bytes(b"x")
    for name, inside in (("checkpoint-50", "config.json"), ("checkpoint-60", "notes.txt")):
        (tmp_path / name).mkdir()
        (tmp_path / name / inside).write_text("{}")
    found = find_checkpoints(tmp_path)
    assert [one.step for one in found] == [9, 10, 50, 100]
    assert found[2].path == tmp_path / "checkpoint-50"
    assert [one.step for one in find_checkpoints(tmp_path, every=10)] == [10, 50, 100]


def test_references_in_the_order_of_their_steps(tmp_path):
    file = tmp_path / "step-20.pt"
    file.write_bytes(b"x")
    found = find_checkpoints(["torch:my.models:at_step_30", file, "hf:lab/net-step10"])
    assert [(one.step, one.reference, one.path) for one in found] == [
        (10, "hf:lab/net-step10", None),
        (20, None, file),
        (30, "torch:my.models:at_step_30", None),
    ]


def test_what_cannot_be_a_trajectory(tmp_path):
    with pytest.raises(InputError, match="no checkpoint in it"):
        find_checkpoints(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        find_checkpoints(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no step in its name"):
        find_checkpoints(["melspectrogram", "spectrotemporal"])
    with pytest.raises(UsageError, match=r"step-7\.pt: no such file"):
        find_checkpoints(["step-7.pt", "step-8.pt"])
    with pytest.raises(UsageError, match="no checkpoints were given"):
        find_checkpoints([])
    with pytest.raises(UsageError, match="every is 0"):
        find_checkpoints(tmp_path, every=0)
    for name in ("step-5.pt", "step-05.ckpt"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(InputError, match=r"step-05\.ckpt and step-5\.pt are both of step 5"):
        find_checkpoints(tmp_path)
    (tmp_path / "step-05.ckpt").unlink()
    with pytest.raises(InputError, match="none a multiple of 2"):
        find_checkpoints(tmp_path, every=2)


# the hub

FOLDER = "runs/fine grained"


class Pages(Loopback):
    """Also says where the next page of a list is."""

    following: dict[str, str] = {}  # noqa: RUF012

    def _send_file(self, http, content, cut):
        path = http.path.lstrip("/")
        if path in self.following:
            link = {"Link": f'<{self.following[path]}>; rel="next"'}
            self._send(http, 200, content, link, cut)
        else:
            super()._send_file(http, content, cut)


def entry(name, size=None, kind="file"):
    return {"type": kind, "path": f"{FOLDER}/{name}", "size": size, "oid": "0" * 40}


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setattr(hub_module, "WAITS", (0.0,))
    monkeypatch.setattr(downloading, "WAITS", (0.0,))
    files = tmp_path / "lab" / "run" / "resolve" / "main" / FOLDER
    files.mkdir(parents=True)
    sizes = {}
    for step in (1000, 2000, 10_000):
        path = files / f"epoch=0-step={step}.ckpt"
        torch.save({"state_dict": nn.Linear(2, step // 1000).state_dict()}, path)
        sizes[step] = path.stat().st_size
    with Pages(tmp_path) as found:
        monkeypatch.setenv("HF_ENDPOINT", found.url)
        first = "api/models/lab/run/tree/main/runs/fine%20grained"
        pages = [
            [entry("epoch=0-step=10000.ckpt", sizes[10_000]), entry("step-3", kind="directory")],
            [entry(f"epoch=0-step={s}.ckpt", sizes[s]) for s in (2000, 1000)] + [entry("a.md")],
        ]
        found.following = {first: f"{found.url}/{first}?cursor=x"}
        found.alter(first.replace("%20", " "), json.dumps(pages[0]).encode())
        found.alter(f"{first}?cursor=x".replace("%20", " "), json.dumps(pages[1]).encode())
        yield found


def test_a_folder_of_the_hub_is_listed_page_by_page(server, heschl_home):
    found = find_checkpoints(f"hf:lab/run/{FOLDER}")
    assert [one.step for one in found] == [1000, 2000, 10_000]
    assert found[0].path == (
        heschl_home / "models" / "hub" / "lab" / "run" / FOLDER / "epoch=0-step=1000.ckpt"
    )
    assert len(server.requests) == 2
    assert "heschl" in server.requests[0].headers["User-Agent"]


def test_a_checkpoint_is_brought_once_pinned_and_removed(server, heschl_home):
    one = find_checkpoints(f"hf:lab/run/{FOLDER}")[0]
    for _ in range(2):
        bring(one, show=False)
    assert (
        one.path.read_bytes()
        == (server.folder / "lab" / "run" / "resolve" / "main" / FOLDER / one.name).read_bytes()
    )
    assert one.remote.url in (heschl_home / "pins.txt").read_text()
    assert len(server.requests) == 3
    remove(one)
    assert not one.path.exists()


def test_a_checkpoint_that_was_replaced_is_refused(server):
    one = find_checkpoints(f"hf:lab/run/{FOLDER}")[0]
    bring(one, show=False)
    remove(one)
    path = f"lab/run/resolve/main/{FOLDER}/{one.name}"
    content = bytearray((server.folder / path).read_bytes())
    content[-200] ^= 1
    server.alter(path, bytes(content))
    with pytest.raises(FetchError):
        bring(one, show=False)


def test_an_interrupted_download_goes_on(server):
    one = find_checkpoints(f"hf:lab/run/{FOLDER}")[0]
    path = f"lab/run/resolve/main/{FOLDER}/{one.name}"
    server.cut(path, 100)
    bring(one, show=False)
    assert server.counts()[path] == 2
    assert one.path.read_bytes() == (server.folder / path).read_bytes()


def test_offline_and_wrong_places(server, monkeypatch):
    with pytest.raises(UsageError, match="no folder of the hub"):
        find_checkpoints("hf:lab/run/../x")
    with pytest.raises(FetchError, match="404"):
        find_checkpoints("hf:lab/nothing")
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    n_requests = len(server.requests)
    with pytest.raises(OfflineError, match="HESCHL_OFFLINE is set"):
        find_checkpoints(f"hf:lab/run/{FOLDER}")
    assert len(server.requests) == n_requests


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "no JSON"),
        (b'{"error": "x"}', "no list"),
        (b'[{"type": "file", "path": "../../step-1.pt"}]', "expected files with a type"),
        (b'[{"type": "file", "path": "/step-1.pt"}]', "expected files with a type"),
        (b'[{"path": "a/step-1.pt"}]', "expected files with a type"),
        (b"[]", "no checkpoint in it"),
    ],
)
def test_a_server_that_answers_something_else(server, content, message):
    server.alter("api/models/lab/other/tree/main", content)
    with pytest.raises((FetchError, InputError), match=message):
        find_checkpoints("hf:lab/other")


def test_the_next_page_is_not_looked_for_elsewhere(server):
    server.following = {"api/models/lab/other/tree/main": "https://example.org/next"}
    server.alter("api/models/lab/other/tree/main", b"[]")
    with pytest.raises(FetchError, match="expected one of the same server"):
        find_checkpoints("hf:lab/other")


def test_the_published_trajectory_is_listed_where_it_is(server):
    place = PUBLISHED["encodecmae-base-trajectory"]
    with pytest.raises(FetchError, match="404"):
        find_checkpoints("encodecmae-base-trajectory")
    assert server.requests[-1].path == (
        "api/models/lpepino/encodecmae-pretrained/tree/main/full_exps/base_models/mel256-ec-base/"
        "pretrain_checkpoints/finegrained"
    )
    assert place.as_model == "encodecmae-base"
