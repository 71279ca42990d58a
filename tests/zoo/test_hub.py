"""Models of the hub: what is downloaded, once; mirrors, resuming, offline, local copies."""

from __future__ import annotations

import json

import pytest
import small_encoders

from heschl import cli
from heschl.errors import FetchError, OfflineError, UsageError
from heschl.fetch import downloading
from heschl.models import load_model
from heschl.models.huggingface import fetch_hub, load_hub
from heschl.models.huggingface import hub as hub_module
from loopback import Loopback

REPOSITORY = "lab/wav2vec2-small"
FILES = {"config.json", "preprocessor_config.json", "model.safetensors"}


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A folder as the server has it, and the model in it."""
    root = tmp_path_factory.mktemp("hub")
    folder = root / REPOSITORY / "resolve" / "main"
    small_encoders.save("wav2vec2", folder)
    (folder / "README.md").write_text("not needed")
    return root, folder


@pytest.fixture
def server(released, monkeypatch):
    monkeypatch.setattr(hub_module, "WAITS", (0.0,))
    monkeypatch.setattr(downloading, "WAITS", (0.0,))
    with Loopback(released[0]) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"{server.url}/")
        yield server


def stored(heschl_home):
    return heschl_home / "models" / "hub" / "lab" / "wav2vec2-small"


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_downloads_once_what_is_needed(server, released, heschl_home):
    model = load_model(f"hf:{REPOSITORY}")
    assert model.name == f"hf:{REPOSITORY}"
    assert model.identity() == load_hub(released[1]).identity()
    assert names(stored(heschl_home)) == FILES
    pins = (heschl_home / "pins.txt").read_text()
    assert all(f"{server.url}/{REPOSITORY}/resolve/main/{name}" in pins for name in FILES)
    n_requests = len(server.requests)
    assert load_hub(REPOSITORY).identity() == model.identity()
    assert len(server.requests) == n_requests


def test_offline_is_enough_once_it_is_here(server, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    with pytest.raises(OfflineError, match=rf"heschl fetch hf:{REPOSITORY} --from PATH"):
        load_hub(REPOSITORY)
    monkeypatch.delenv("HESCHL_OFFLINE")
    fetch_hub(REPOSITORY)
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    load_hub(REPOSITORY)


def test_fresh_weights_are_not_downloaded(server, heschl_home):
    load_model(f"hf:{REPOSITORY}@random:0")
    assert names(stored(heschl_home)) == FILES - {"model.safetensors"}


def test_a_cut_download_goes_on(server, released, heschl_home):
    path = f"{REPOSITORY}/resolve/main/model.safetensors"
    whole = (released[1] / "model.safetensors").read_bytes()
    kept = len(whole) // 2 // 8192 * 8192  # whole chunks; what comes of the last one is lost
    server.cut(path, 10**9)  # the first answer only tells that the file is there
    server.cut(path, kept + 1000)
    load_hub(REPOSITORY)
    assert server.ranges_of(path) == [None, None, f"bytes={kept}-"]
    assert (stored(heschl_home) / "model.safetensors").read_bytes() == whole
    assert names(stored(heschl_home)) == FILES


def test_an_altered_file_is_refused_and_brought_again(server, heschl_home):
    fetch_hub(REPOSITORY)
    damaged = stored(heschl_home) / "model.safetensors"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:-1] + b"\x00")
    fetch_hub(REPOSITORY)
    assert damaged.read_bytes() == whole
    damaged.unlink()
    server.alter(f"{REPOSITORY}/resolve/main/model.safetensors", whole[:-4] + b"\x00\x00\x80\x3f")
    with pytest.raises(FetchError, match="the one pinned"):
        fetch_hub(REPOSITORY)


def test_what_came_in_place_of_a_file_is_not_kept(server, heschl_home):
    server.alter(f"{REPOSITORY}/resolve/main/model.safetensors", b"<html>please log in</html>")
    with pytest.raises(FetchError, match="no whole safetensors file"):
        load_hub(REPOSITORY)
    server.alter(f"{REPOSITORY}/resolve/main/config.json", b"<html>please log in</html>")
    (stored(heschl_home) / "config.json").unlink()
    (heschl_home / "pins.txt").unlink()
    with pytest.raises(FetchError, match=r"config\.json: what came .* no JSON"):
        load_hub(REPOSITORY)


def test_a_repository_that_is_not_there(server):
    with pytest.raises(FetchError, match=r"nobody/nothing/resolve/main/config\.json.*404"):
        load_hub("nobody/nothing")


def test_files_of_torch_and_shards_are_found(server, released, heschl_home):
    root, folder = released
    other = root / "lab" / "sharded" / "resolve" / "main"
    network, extractor = small_encoders.save("wav2vec2", other, max_shard_size="40KB")
    extractor.save_pretrained(other)
    assert load_hub("lab/sharded").identity() == load_hub(folder).identity()
    index = json.loads((other / "model.safetensors.index.json").read_text())
    shards = set(index["weight_map"].values())
    assert len(shards) > 1
    assert names(heschl_home / "models" / "hub" / "lab" / "sharded") == {
        "config.json", "preprocessor_config.json", "model.safetensors.index.json", *shards
    }  # fmt: skip
    old = root / "lab" / "old" / "resolve" / "main"
    old.mkdir(parents=True)
    import torch

    torch.save(network.state_dict(), old / "pytorch_model.bin")
    for name in ("config.json", "preprocessor_config.json"):
        (old / name).write_bytes((other / name).read_bytes())
    assert load_hub("lab/old").identity() == load_hub(folder).identity()


def test_an_index_that_leads_elsewhere_is_refused(server, released, heschl_home):
    other = released[0] / "lab" / "escaping" / "resolve" / "main"
    small_encoders.save("wav2vec2", other)
    (other / "model.safetensors").unlink()
    index = {"weight_map": {"a": "../../../escaped.safetensors"}}
    (other / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(FetchError, match=r"lists '\.\./\.\./\.\./escaped\.safetensors'"):
        load_hub("lab/escaping")
    assert not list(heschl_home.rglob("*escaped*"))


def test_weights_that_are_not_there(server, released):
    other = released[0] / "lab" / "empty" / "resolve" / "main"
    small_encoders.save("wav2vec2", other)
    (other / "model.safetensors").unlink()
    with pytest.raises(FetchError, match=r"not there, nor model\.safetensors\.index\.json"):
        load_hub("lab/empty")


def test_a_dry_run_asks_no_one(server, released, heschl_home, capsys):
    assert cli.run(["fetch", f"hf:{REPOSITORY}", "--dry-run"]) == 0
    said = (
        f"hf:{REPOSITORY}: nothing in {stored(heschl_home)}; configuration, front end and weights"
    )
    assert said in capsys.readouterr().out
    assert server.requests == []
    fetch_hub(REPOSITORY, released[1])
    assert cli.run(["fetch", f"hf:{REPOSITORY}", "--dry-run"]) == 0
    assert "model.safetensors in" in capsys.readouterr().out
    assert server.requests == []
    assert cli.run(["fetch", "hf:alone", "--dry-run"]) == 2


# copies that a user has


def test_a_copy_serves_as_well(released, heschl_home, monkeypatch):
    monkeypatch.setenv("HESCHL_OFFLINE", "1")
    assert fetch_hub(REPOSITORY, released[1]) == stored(heschl_home)
    assert names(stored(heschl_home)) == FILES
    assert load_hub(REPOSITORY).identity() == load_hub(released[1]).identity()
    assert "https://huggingface.co/lab/wav2vec2-small/resolve/main/config.json" in (
        (heschl_home / "pins.txt").read_text()
    )


def test_another_copy_than_the_pinned_one_is_refused(released, heschl_home, tmp_path):
    fetch_hub(REPOSITORY, released[1])
    for name in FILES:
        (tmp_path / name).write_bytes((released[1] / name).read_bytes())
    config = (tmp_path / "config.json").read_text()
    (tmp_path / "config.json").write_text(config + "\n")
    with pytest.raises(FetchError, match="the one pinned"):
        fetch_hub(REPOSITORY, tmp_path)
    assert (stored(heschl_home) / "config.json").read_text() == config
    (tmp_path / "model.safetensors").write_bytes(b"<html>")
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(FetchError, match="no whole safetensors file"):
        fetch_hub(REPOSITORY, tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FetchError, match=r"none of model\.safetensors"):
        fetch_hub(REPOSITORY, tmp_path)


@pytest.mark.parametrize("name", ["alone", "a/b/c", "../../up", "lab/../up", "/etc/passwd"])
def test_names_that_are_no_repository(name):
    with pytest.raises(UsageError, match="neither a folder nor a repository"):
        fetch_hub(name)
