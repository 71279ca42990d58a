"""How values and steps are written on the page of a training."""

from __future__ import annotations

from heschl.report.wording import number


def value_text(value: float) -> str:
    """Return a value with three digits, as in the tables: a rise may be of some hundredths."""
    return number(value, 3)


def step_text(step: float) -> str:
    """Return a step in a sentence: "step 20,000"."""
    return f"step {step:,.0f}"
