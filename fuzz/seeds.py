"""Writes the seeds of the corpus and the dictionaries.

Run: python fuzz/seeds.py

Small files of every kind, as heschl's writers, numpy, pandas, torch and soundfile make them, and a
few that are cut short or mean harm. The same bytes every time with the same versions of these.
Findings (``corpus/TARGET/finding-...``) are not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from seeding import described, kept, pickled, recorded

HERE = Path(__file__).resolve().parent
LARGEST = 8_000

SEEDS: Mapping[str, Callable[[], dict[str, bytes]]] = {
    "archives": kept.archives,
    "checkpoints": pickled.checkpoints,
    "dataset_folders": described.dataset_folders,
    "descriptions": described.descriptions,
    "gin": described.gin,
    "hear_tasks": described.hear_tasks,
    "pickles": pickled.pickles,
    "results": kept.results,
    "sounds": recorded.sounds,
    "stored_entries": kept.stored_entries,
}

#: Texts that files of a target have; the fuzzer inserts them.
WORDS: Mapping[str, Callable[[], list[bytes]]] = {
    "archives": kept.archive_words,
    "checkpoints": pickled.checkpoint_words,
    "dataset_folders": described.dataset_words,
    "descriptions": described.description_words,
    "gin": described.gin_words,
    "hear_tasks": described.hear_words,
    "pickles": pickled.pickle_words,
    "results": kept.result_words,
    "sounds": recorded.sound_words,
    "stored_entries": kept.stored_words,
}


def main() -> None:
    """Write all of it."""
    for target, make in SEEDS.items():
        folder = HERE / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in make().items():
            if len(content) > LARGEST:
                raise SystemExit(f"{target}/{name} has {len(content)} bytes; at most {LARGEST}")
            (folder / name).write_bytes(content)
    (HERE / "dictionaries").mkdir(exist_ok=True)
    for target, words in WORDS.items():
        lines = "".join(f'"{_escaped(word)}"\n' for word in words())
        (HERE / "dictionaries" / f"{target}.dict").write_text(lines)


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
