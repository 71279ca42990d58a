"""How numbers are written on the pages of a site."""

from __future__ import annotations

import math

from heschl.report.wording import DASH, number


def p_text(p: float) -> str:
    """Return a probability with its sign: "p = 0.03", "p < 0.001"; "p not known" if missing."""
    if not math.isfinite(p):
        return "p not known"
    return "p < 0.001" if p < 0.001 else f"p = {p_cell(p)}"


def p_cell(p: float) -> str:
    """Return a probability for a table: three digits, or that it is smaller than can be shown."""
    if not math.isfinite(p):
        return DASH
    return "< 0.001" if p < 0.001 else number(p, 3)


def r_text(value: float) -> str:
    """Return a correlation with two digits, or with as many as tell it from 1."""
    text = number(value)
    if text.lstrip("−") != "1.00" or abs(value) >= 1:
        return text
    return number(value, 3) if abs(value) < 0.9995 else f"{'−' if value < 0 else ''}0.999…"


def span(low: float, high: float, digits: int = 3) -> str:
    """Return the ends of an interval; "" if one is missing."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{number(low, digits)} to {number(high, digits)}"


def size(value: float) -> str:
    """Return a count or size with three digits or all of a small one: 94,000,000 is 94.0 M."""
    if not math.isfinite(value):
        return DASH
    for unit, name in ((1e9, "G"), (1e6, "M")):
        if value >= unit:
            return f"{value / unit:.3g} {name}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def rounded(value: float) -> float | None:
    """Return a number for the script of a page: six digits, None if it is missing."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def ordinal(place: int) -> str:
    """Return a place in words: "1st", "2nd", "11th"."""
    ending = {1: "st", 2: "nd", 3: "rd"}.get(place % 10, "th")
    return f"{place:,}{'th' if place % 100 in (11, 12, 13) else ending}"
