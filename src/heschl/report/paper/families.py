"""How models are told apart in print: a colour and a mark for each family, in every figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.patches import Patch

from heschl.report.style import mark, shown


@dataclass(frozen=True)
class Look:
    """A colour and a mark; ``label`` is for the key."""

    color: str
    marker: str
    label: str


#: Told apart with any colour vision, and from the two below (tests/test_paper_figures.py). The
#: colours of the page are too many and too dark for that.
COLORS = ("#3f4a9f", "#e69f00", "#008f86", "#9c2c2c", "#6db8ea", "#b06be0")
MARKERS = ("o", "s", "^", "D", "v", "P")
#: Families that share a colour because there are too many, or because they have a single model.
OTHERS = Look("#c3c7cc", "h", "others")
HAND_BUILT = Look("#1c2430", "X", "hand-built")

#: Families that have the same place in every study, and their names in print.
_KNOWN = {
    "encodecmae": "EnCodecMAE",
    "BEATs": "BEATs",
    "Dasheng": "Dasheng",
    "cochdnn": "CochDNN",
    "transformers": "transformers",
    "speechbrain": "SpeechBrain",
}


def looks_of(models: pd.DataFrame) -> dict[str, Look]:
    """Return the look of every model.

    Six families have a colour: known ones always the same, so that a family looks alike in all
    studies; what is left goes to the largest of the rest. A family of one model has a colour of its
    own only if there are enough for all.

    Parameters
    ----------
    models : DataFrame
        With the columns ``model``, ``family``, ``control`` and ``base``.

    Returns
    -------
    dict of str to Look
        Also of models of which only controls are there.
    """
    families = ["" if pd.isna(one) else str(one) for one in models["family"]]
    own = zip(families, models["control"].isna(), strict=True)
    counts = Counter(one for one, is_own in own if is_own and one not in ("", HAND_BUILT.label))
    looks = _colored(counts) | {HAND_BUILT.label: HAND_BUILT}
    rest = {one for one in families if one not in looks}
    # grey is "others" only where it is of several
    only = rest.pop() if len(rest) == 1 else ""
    others = Look(OTHERS.color, OTHERS.marker, shown(only)) if only else OTHERS
    found: dict[str, Look] = {}
    for model, base, family in zip(models["model"], models["base"], families, strict=True):
        found[str(model)] = looks.get(family, others)
        if not pd.isna(base):
            found.setdefault(str(base), found[str(model)])
    return found


def _colored(counts: Mapping[str, int]) -> dict[str, Look]:
    """Give out the colours."""
    places = {name: i for i, name in enumerate(_KNOWN) if name in counts}
    free = [i for i in range(len(COLORS)) if i not in places.values()]
    new = sorted((name for name in counts if name not in places), key=lambda name: -counts[name])
    if len(new) > len(free):
        new = [name for name in new if counts[name] > 1]
    places |= dict(zip(new, free, strict=False))
    return {
        name: Look(COLORS[i], MARKERS[i], _KNOWN.get(name, shown(name)))
        for name, i in places.items()
    }


def in_order(looks: Iterable[Look]) -> list[Look]:
    """Return each look once: families in the order of their colours, then the two others."""
    order = [*COLORS, OTHERS.color, HAND_BUILT.color]
    return sorted(set(looks), key=lambda look: (order.index(look.color), look.label))


def bar_key(looks: Iterable[Look]) -> list[tuple[Artist, str]]:
    """Return entries of a key for bars."""
    return [(Patch(color=look.color, linewidth=0), look.label) for look in in_order(looks)]


def point_key(looks: Iterable[Look]) -> list[tuple[Artist, str]]:
    """Return entries of a key for points."""
    return [(mark(look.marker, look.color, size=4), look.label) for look in in_order(looks)]
