"""What a benchmark says: one row for a target, with its reference, its spread, and whether it passes."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Spread(NamedTuple):
    """Median and quartiles of ``n`` measurements."""

    median: float
    low: float
    high: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one measurement."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, low, high, len(values))

    def __str__(self) -> str:
        if self.n == 1:
            return short(self.median)
        return f"{short(self.median)} [{short(self.low)}, {short(self.high)}]"


class Check(NamedTuple):
    """Something besides the time that has to hold, such as equal results."""

    what: str
    passed: bool


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        target: ``T1`` to ``T10``.
        what: What is measured.
        unit: Of ``reference`` and ``ours``.
        ours: Our measurements.
        reference: Those of the reference, taken in turn with ours; ``None`` where a bound stands for it.
        reference_is: What the reference is.
        ratio: Reference over ours, item by item.
        least_ratio: The median ratio is to be at least this.
        most: Our median is to be at most this.
        checks: What else has to hold.
        note: Anything a reader should know.
    """

    target: str
    what: str
    unit: str
    ours: Spread
    reference: Spread | None = None
    reference_is: str = ""
    ratio: Spread | None = None
    least_ratio: float | None = None
    most: float | None = None
    checks: tuple[Check, ...] = ()
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether bound and checks hold; a row without a bound is for information and passes with its checks."""
        fast = self.least_ratio is None or (self.ratio is not None and self.ratio.median >= self.least_ratio)
        small = self.most is None or self.ours.median <= self.most
        return fast and small and all(check.passed for check in self.checks)

    @property
    def wanted(self) -> str:
        """The bound in words."""
        if self.least_ratio is not None:
            return f"≥ {short(self.least_ratio)}x"
        return f"≤ {short(self.most)} {self.unit}" if self.most is not None else ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON, the verdict included."""
        spreads = {"ours": self.ours, "reference": self.reference, "ratio": self.ratio}
        named = {name: spread and spread._asdict() for name, spread in spreads.items()}
        return {**asdict(self), **named, "checks": [c._asdict() for c in self.checks], "passed": self.passed}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Row:
        """The inverse of `as_dict`."""
        data = {name: value for name, value in data.items() if name != "passed"}
        for name in ("ours", "reference", "ratio"):
            data[name] = data[name] and Spread(**data[name])
        return cls(**{**data, "checks": tuple(Check(**check) for check in data["checks"])})


def short(value: float) -> str:
    """Three digits, without an exponent where people would not write one."""
    if value == 0 or 0.001 <= abs(value) < 100_000:
        digits = max(0, 2 - len(str(int(abs(value)))) + 1) if abs(value) >= 1 else 3
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.2g}"
