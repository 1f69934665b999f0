"""How is a measured comparison written down? One row for each aim: ours, the reference of the same run, their ratio."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Spread:
    """The least, middle and greatest of the values of several rounds."""

    least: float
    middle: float
    greatest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarize the values of one or more rounds."""
        return cls(min(values), median(values), max(values))


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        name: what was measured.
        ours: our figure, in ``unit``.
        reference: the figure of the named reference in the same rounds, in ``unit``; None when there is none.
        ratio: ours divided by the reference, round by round; None without reference.
        aim: what the ratio (or without one our figure) shall be, in words; empty for a figure to know, not to reach.
        unit: of both figures, such as ``changes/s``.
    """

    name: str
    ours: Spread
    reference: Spread | None
    ratio: Spread | None
    aim: str
    unit: str

    @classmethod
    def compare(
        cls, name: str, ours: Sequence[float], reference: Sequence[float] | None = None, *, aim: str = "", unit: str
    ) -> Row:
        """Make a row from the figures of rounds; round i of both was measured side by side."""
        if reference is None:
            return cls(name, Spread.of(ours), None, None, aim, unit)
        ratios = [mine / theirs for mine, theirs in zip(ours, reference, strict=True)]
        return cls(name, Spread.of(ours), Spread.of(reference), Spread.of(ratios), aim, unit)


def render(rows: Sequence[Row]) -> str:
    """Write rows as a Markdown table; figures are medians, ratios are median (least to greatest)."""
    lines = ["| what | ours | reference | unit | ratio: median (min to max) | aim |", "|---|--:|--:|---|---|---|"]
    for row in rows:
        reference = "-" if row.reference is None else _figure(row.reference.middle)
        ratio = "-" if row.ratio is None else _spread(row.ratio)
        lines.append(
            f"| {row.name} | {_figure(row.ours.middle)} | {reference} | {row.unit} | {ratio} | {row.aim or '-'} |"
        )
    return "\n".join(lines)


def _spread(spread: Spread) -> str:
    return f"{_figure(spread.middle)} ({_figure(spread.least)} to {_figure(spread.greatest)})"


def _figure(value: float) -> str:
    """Write a number with three significant digits, and no exponent."""
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if magnitude >= 10 else f"{value:.2f}" if magnitude >= 0.1 else f"{value:.3g}"
