"""A comparison as files for other programs: ``results.csv``, ``summary.csv`` and ``table.tex``.

* ``results.csv``: a line for each cell: what it is, where it lies, and every number of COCO's, in [0, 1].
* ``summary.csv``: a line for each initialisation, fraction and number: mean, standard deviation over the seeds, and the
  difference to the reference with its interval.
* ``table.tex``: the columns of the paper's Table 1, for LaTeX with ``booktabs``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

from codo.compare.comparison import Comparison, mean_and_spread
from codo.reporting.comparison import NAMES
from codo.reporting.numbers import share

COLUMNS = ("AP", "AP50", "AP75")
"""Of the paper's tables, for boxes (bb) and masks (mk)."""

_TEX_KINDS = {"bbox": "bb", "segm": "mk"}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def results_csv(comparison: Comparison) -> str:
    """Every cell, finished or not, with all its numbers."""
    names = [(kind, name) for kind in comparison.kinds for name in NAMES]
    rows: list[Sequence[object]] = [
        ["init", "parts", "fraction", "images", "seed", "state", "run", *(f"{kind}/{name}" for kind, name in names)]
    ]
    for cell in comparison.cells:
        numbers = comparison.finished.get(cell.key)
        state = "finished" if numbers else "failed" if str(cell) in comparison.failures else "missing"
        values = [(numbers or {}).get(kind, {}).get(name, "") for kind, name in names]
        what = [cell.init, comparison.parts[cell.init], cell.fraction, cell.images, cell.seed, state, cell.path]
        rows.append([*what, *values])
    return _csv(rows)


def summary_csv(comparison: Comparison) -> str:
    """Means, spreads, and differences to the reference."""
    head = ["init", "fraction", "images", "kind", "number", "seeds", "mean", "std"]
    rows: list[Sequence[object]] = [[*head, "difference", "low", "high", "verdict"]]
    for init in comparison.inits:
        for fraction in comparison.fractions:
            for kind in comparison.kinds:
                for name in NAMES:
                    values = comparison.values(init, fraction, name, kind)
                    row = [init, fraction, comparison.images(fraction), kind, name, len(values)]
                    found = comparison.difference(init, fraction, name, kind) if init != comparison.reference else None
                    against = [found.mean, found.low, found.high, found.verdict] if found else [None] * 4
                    rows.append(_blank([*row, *mean_and_spread(values), *against]))
    return _csv(rows)


def latex(comparison: Comparison) -> str:
    """The table in LaTeX: initialisations by the paper's columns, a group for each label fraction."""
    columns = [(kind, name) for kind in comparison.kinds for name in COLUMNS]
    heads = [_head(kind, name) for kind, name in columns]
    several = len(comparison.fractions) > 1
    lines = [
        "% needs \\usepackage{booktabs}; mean and sample standard deviation over the seeds, AP times 100",
        f"\\begin{{tabular}}{{{'l' * (3 if several else 2)}{'c' * len(columns)}}}",
        "\\toprule",
        " & ".join([*(["Labels"] if several else []), "Start from", "Pretrained parts", *heads]) + r" \\",
    ]
    for fraction in comparison.fractions:
        lines.append("\\midrule")
        for row, init in enumerate(comparison.inits):
            cells = [_mean(comparison.values(init, fraction, name, kind).values()) for kind, name in columns]
            first = [escape(share(fraction)) if row == 0 else ""] if several else []
            lines.append(" & ".join([*first, escape(init), escape(comparison.parts[init]), *cells]) + r" \\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}"]) + "\n"


def escape(text: str) -> str:
    """Text for LaTeX, whatever characters a name has."""
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL[found.group()], text)


def _head(kind: str, name: str) -> str:
    below = f"_{{{name.removeprefix('AP')}}}" if name != "AP" else ""
    return f"$\\mathrm{{AP}}^{{{_TEX_KINDS[kind]}}}{below}$"


def _mean(values: Iterable[float]) -> str:
    mean, spread = mean_and_spread(dict(enumerate(values)))
    if mean is None:
        return "--"
    return f"{100 * mean:.1f}" + ("" if spread is None else f" {{\\scriptsize$\\pm${100 * spread:.1f}}}")


def _blank(row: Iterable[object]) -> list[object]:
    return ["" if value is None else value for value in row]


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
