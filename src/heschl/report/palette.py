"""Colours of the figures and the page: one table, each colour in light and in dark."""

from __future__ import annotations

#: Parts of a figure or the page that are not data: ``{name: (light, dark)}``.
STRUCTURE = {
    "ink": ("#1c2430", "#e7ebf0"),
    "muted": ("#566270", "#9eabb9"),
    "rule": ("#d6dbe2", "#38424e"),
    "paper": ("#fefefe", "#171c23"),
    "ground": ("#f3f5f7", "#0e1217"),
    "accent": ("#0b6b63", "#3dd0be"),
    "wash": ("#e4f1ef", "#16302f"),
    # what is counted in the cells of a table of colours: text in ink can be read on all of it
    "heat": ("#5bb5a9", "#1c7067"),
}

#: Models, in the order in which they appear; the ninth starts again.
MODELS = {
    "m0": ("#0f766e", "#2cc4b4"),
    "m1": ("#c2410b", "#fb923d"),
    "m2": ("#4f46e4", "#a5b3fc"),
    "m3": ("#a16206", "#ecc233"),
    "m4": ("#be185c", "#f472b5"),
    "m5": ("#0369a0", "#38bdf7"),
    "m6": ("#4d7c0e", "#a3e536"),
    "m7": ("#6b21a7", "#d8a4fd"),
}

#: Categories of sounds, in alphabetical order; the thirteenth starts again.
CATEGORIES = {
    "c0": ("#2563ea", "#60a5f9"),
    "c1": ("#dc2627", "#f87172"),
    "c2": ("#15803e", "#4ade81"),
    "c3": ("#9333e9", "#c084fb"),
    "c4": ("#c2560c", "#fdba75"),
    "c5": ("#0e7491", "#22d3ed"),
    "c6": ("#bd185d", "#f9a8d3"),
    "c7": ("#64748a", "#94a3b7"),
    "c8": ("#a16207", "#facc16"),
    "c9": ("#4d7c0f", "#a3e635"),
    "c10": ("#7c2d13", "#d6a58b"),
    "c11": ("#1e3a89", "#b4c2fe"),
}

#: One shape for each category colour, so that colour is never the only difference.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "o", "s", "^", "D", "v")

ALL = STRUCTURE | MODELS | CATEGORIES


def color(name: str) -> str:
    """Return the light colour of a name, ``"#rrggbb"``."""
    return ALL[name][0]


def model_color(index: int) -> str:
    """Return the name of the colour of a model."""
    return f"m{index % len(MODELS)}"


def category_color(index: int) -> str:
    """Return the name of the colour of a category of sounds."""
    return f"c{index % len(CATEGORIES)}"


def category_marker(index: int) -> str:
    """Return the matplotlib marker of a category of sounds."""
    return MARKERS[index % len(MARKERS)]


def css_variables(dark: bool) -> str:
    """Return the declarations of all colours as CSS variables."""
    return "".join(f"--{name}:{pair[dark]};" for name, pair in ALL.items())
