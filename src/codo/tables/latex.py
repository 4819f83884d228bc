"""LaTeX tables with ``booktabs`` and the columns of the paper's Table 1."""

from __future__ import annotations

import re
from collections.abc import Sequence

COLUMNS = ("AP", "AP50", "AP75")
"""Columns of the paper's tables, for boxes (bb) and masks (mk)."""

_KINDS = {"bbox": "bb", "segm": "mk"}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def booktabs(alignment: str, heads: Sequence[str], groups: Sequence[Sequence[Sequence[str]]]) -> list[str]:
    """The lines of a ``tabular``.

    Args:
        alignment: A letter for each column.
        heads: Column heads in LaTeX.
        groups: Groups of rows of cells in LaTeX, with a rule before each group.
    """
    lines = [f"\\begin{{tabular}}{{{alignment}}}", "\\toprule", _row(heads)]
    for group in groups:
        lines += ["\\midrule", *map(_row, group)]
    return [*lines, "\\bottomrule", "\\end{tabular}"]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def escape(text: str) -> str:
    """Escape LaTeX's special characters."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL[found.group()], text)


def measure(kind: str, name: str) -> str:
    r"""Head of a column as in the paper: ``$\mathrm{AP}^{bb}_{50}$``."""
    below = f"_{{{name.removeprefix('AP')}}}" if name != "AP" else ""
    return f"$\\mathrm{{AP}}^{{{_KINDS[kind]}}}{below}$"


def mean_spread(mean: float | None, spread: float | None) -> str:
    """Average precision in [0, 1], times 100, followed by its standard deviation in small type if there is one."""
    if mean is None:
        return "--"
    return f"{100 * mean:.1f}" + ("" if spread is None else f" {{\\scriptsize$\\pm${100 * spread:.1f}}}")
