"""Results and the index of a study. InputError and DamagedEntryError are all that may come.

Files of arrays carry a part of their hash in their names; so that the fuzzer comes beyond that,
``@detail.safetensors`` and its like in results.json stand for the name that the file would have.
"""

from __future__ import annotations

import contextlib
import hashlib

import places
from heschl.errors import DamagedEntryError, InputError
from heschl.results import Results
from heschl.studies.folder import load_run

KINDS = ("detail", "profile", "rdmdetail", "probedetail")


def check(content: bytes) -> None:
    """Read bytes as the folder of a run, and as that of a study with this run."""
    files = places.parts(content)
    with places.folder() as folder:
        run = folder / "runs" / "one"
        run.mkdir(parents=True)
        said = files.get("results.json", b"")
        for kind in KINDS:
            arrays = files.get(f"{kind}.safetensors")
            if arrays is not None:
                name = f"{kind}-{hashlib.sha256(arrays).hexdigest()[:16]}.safetensors"
                (run / name).write_bytes(arrays)
                said = said.replace(f"@{kind}.safetensors".encode(), name.encode())
        (run / "results.json").write_bytes(said)
        places.write(folder, files, ["study.json"])
        with contextlib.suppress(InputError, DamagedEntryError):
            load_run(folder).results(folder)
        try:
            results = Results.load(run)
        except (InputError, DamagedEntryError):
            return
        try:
            results.save(folder / "again")
        except InputError:  # infinity, which JSON has not
            return
        again = Results.load(folder / "again")
        if (again.rows(), again.provenance) != (results.rows(), results.provenance):
            raise AssertionError("results are others when they are saved and read again")
