"""Tables as text that people open in spreadsheets, which take some texts for commands."""

from __future__ import annotations

import pandas as pd

from heschl.errors import printable

#: A cell that begins so is computed when it is opened; names of models, sounds and classes come
#: from others. The sign before it is what spreadsheets themselves put before such a text.
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_SIGN = "'"


def csv_text(table: pd.DataFrame) -> str:
    r"""Return a table as CSV in which every text is a text, also for a spreadsheet.

    Numbers are written as they are, to the last bit.

    Parameters
    ----------
    table : DataFrame

    Examples
    --------
    >>> csv_text(pd.DataFrame({"model": ["=1+1", "hf:x"], "value": [-0.5, 0.25]}))
    "model,value\n'=1+1,-0.5\nhf:x,0.25\n"
    """
    safe = table.rename(columns=_as_text)
    for place, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, [_as_text(value) for value in table.iloc[:, place]])
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _as_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value)  # a carriage return would begin a row of its own
    return f"{_SIGN}{text}" if value.startswith(_FORMULAS) else text
