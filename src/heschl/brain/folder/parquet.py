"""Tables in Parquet, a batch of rows at a time: a few bytes can stand for billions of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from heschl.brain.folder import tables
from heschl.errors import InputError, quoted

#: Cells and bytes that a table may have: these, or so many times the bytes of the file.
FEW_CELLS, CELLS_PER_BYTE = 1 << 22, 8
FEW_BYTES, MOST_PACKED = 1 << 25, 100

_BATCH = 1 << 13


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table; an index that pandas gave it becomes columns.

    Parameters
    ----------
    path : Path

    Returns
    -------
    DataFrame

    Raises
    ------
    InputError
        If it is no Parquet, or has more rows or bytes than its file allows.
    MissingDependencyError
        If pyarrow is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]
        from pyarrow import parquet
    except ImportError as error:
        raise tables.missing_package(path, "pyarrow", "parquet") from error
    try:
        with parquet.ParquetFile(path) as file:
            frame = _read(path, file).to_pandas()
    except InputError:
        raise
    except (OSError, ValueError, RecursionError, pyarrow.ArrowException) as error:
        raise InputError(f"{path}: not a readable Parquet file ({quoted(error)})") from error
    named = any(name is not None for name in frame.index.names)
    return frame.reset_index() if named else frame


def _read(path: Path, file: Any) -> Any:
    """Read all rows, and stop where there are more than the file can be meant to have."""
    import pyarrow

    size, facts = path.stat().st_size, file.metadata
    width = max(1, facts.num_columns)
    most_rows = max(FEW_CELLS, CELLS_PER_BYTE * size) // width
    most_bytes = max(FEW_BYTES, MOST_PACKED * size)
    groups = (facts.row_group(i) for i in range(facts.num_row_groups))
    _check(path, facts.num_rows, most_rows, "rows")
    _check(path, sum(group.total_byte_size for group in groups), most_bytes, "bytes")
    batches, n_rows, n_bytes = [], 0, 0
    for batch in file.iter_batches(_BATCH):
        n_rows, n_bytes = n_rows + batch.num_rows, n_bytes + batch.nbytes
        _check(path, n_rows, most_rows, "rows")  # the numbers before were only what it says
        _check(path, n_bytes, most_bytes, "bytes")
        batches.append(batch)
    return pyarrow.Table.from_batches(batches, file.schema_arrow)


def _check(path: Path, found: int, most: int, what: str) -> None:
    if found > most:
        raise InputError(
            f"{path}: {found:,} {what}, in a file of {path.stat().st_size:,} bytes; expected at "
            f"most {most:,}: write it as .npy, if it is really that large"
        )
