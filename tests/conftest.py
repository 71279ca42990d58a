"""What all tests share: a store of their own, and the real data where they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Processes that test side by side share the cores; read when numpy and torch are imported first.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ["OMP_NUM_THREADS"] = str(max(1, share))

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def heschl_home(tmp_path_factory, monkeypatch):
    """An empty HESCHL_HOME for every test; nothing reaches the user's own."""
    home = tmp_path_factory.mktemp("heschl-home")
    monkeypatch.setenv("HESCHL_HOME", str(home))
    monkeypatch.delenv("HESCHL_OFFLINE", raising=False)
    return home


@pytest.fixture(scope="session")
def shared():
    """The folder with real sounds, responses and golden values."""
    return SHARED


@pytest.fixture(scope="session")
def golden(shared):
    """The reader of golden values, ``golden.load(name)``."""
    sys.path.insert(0, str(shared / "tools"))
    try:
        import golden as module
    finally:
        sys.path.pop(0)
    return module


def pytest_collection_modifyitems(items):
    """Skip, with the reason, what cannot run here; begin with what takes longest."""
    items.sort(key=lambda item: "test_offline_study" not in item.nodeid)  # others fill the gap
    in_ci = os.environ.get("CI") == "true"
    for item in items:
        if "shared" in item.keywords and not SHARED.is_dir() and not in_ci:
            item.add_marker(pytest.mark.skip(reason="needs the real data in ../shared"))
        if "network" in item.keywords and os.environ.get("HESCHL_TEST_NETWORK") != "1":
            item.add_marker(pytest.mark.skip(reason="needs the internet: HESCHL_TEST_NETWORK=1"))
