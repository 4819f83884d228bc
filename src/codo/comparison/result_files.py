"""A comparison as files for other programs.

* ``results.csv``: a line for each trial: its initialization, fraction, seed, path, and every number, in [0, 1]; then
  the AP of every class.
* ``summary.csv``: a line for each initialization, fraction and number: mean, standard deviation over the seeds, and the
  difference to the reference with its interval; ``seed_low`` to ``image_high`` are the two intervals it combines.
  ``AP_classes`` is the mean AP of the classes of ``judge.classes``.
* ``table.tex``: the columns of the paper's Table 1, for LaTeX with ``booktabs``.
* ``comparison.json``: all of it in one file for programs::

    {"format": 2, "reference": "none", "evaluation_images": 440, "sentences": ["…"],
     "judge": {"metric": "AP", "classes": []},                                   classes []: all
     "initializations": {"none": {"parts": [], "weights": {"none": ""}}, …},     see ``initializations``
     "left_out": {"mine": {"parts": […], "weights": {"runs/mine": "5f…"}}, …},   of trials that an earlier command made
     "trials": [{"init": "none", "fraction": 1.0, "images": 48, "seed": 0, "state": "finished", "run": "…",
                "numbers": {"bbox": {"AP": 0.41, …}, …}, "classes": {"bbox": {"cat": 0.5, …}, …}}, …],
     "differences": [{"init": "codo", "fraction": null, "kind": "bbox", "number": "AP", "seeds": 3, "mean": 0.01,
                      "low": …, "high": …, …, "verdict": "noise"}, …],     fraction null: mean of all
     "probe_ranking": {"probe/roi/fpn/knn": {"spearman": 0.9, "low": …, "high": …, "initializations": 9}, …}}
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from codo.comparison.comparison import Comparison, mean_and_spread
from codo.comparison.initializations import Initialization, format_parts
from codo.comparison.probe_ranking import ranking_json
from codo.comparison.verdicts import summary
from codo.core.errors import InputError
from codo.core.numbers import share
from codo.evaluation.statistics import Difference
from codo.tables.latex import COLUMNS, booktabs, escape, mean_spread, measure

FORMAT = 2
_ENDS = ("low", "high", "seed_low", "seed_high", "image_low", "image_high")


def results_csv(comparison: Comparison) -> str:
    """Every trial, finished or not, with all its numbers."""
    measures, by_class = comparison.measures, comparison.class_measures
    head = ["init", "parts", "fraction", "images", "seed", "state", "run"]
    columns = [f"{kind}/{name}" for kind, name in measures] + [f"{kind}/class/{name}" for kind, name in by_class]
    rows: list[Sequence[object]] = [[*head, *columns]]
    for trial in comparison.trials:
        result = comparison.results.get(trial.key)
        numbers = result.numbers if result else {}
        values = [numbers.get(kind, {}).get(name, "") for kind, name in measures]
        of_classes = result.classes if result else {}
        values += [of_classes.get(kind, {}).get(name, "") for kind, name in by_class]
        parts = format_parts(comparison.initializations[trial.init].parts)
        what = [trial.init, parts, trial.fraction, trial.images, trial.seed, comparison.state(trial), trial.path]
        rows.append([*what, *values])
    return _csv(rows)


def summary_csv(comparison: Comparison) -> str:
    """Means, standard deviations, and differences to the reference."""
    head = ["init", "parts", "fraction", "images", "kind", "number", "seeds", "mean", "std"]
    rows: list[Sequence[object]] = [[*head, "difference", *_ENDS, "verdict"]]
    for init in comparison.inits:
        for fraction in comparison.fractions:
            for kind, name in comparison.measures:
                values = comparison.values(init, fraction, name, kind)
                images = round(sum(comparison.images(fraction)) / len(comparison.images(fraction)))
                parts = format_parts(comparison.initializations[init].parts)
                row = [init, parts, fraction, images, kind, name, len(values)]
                other = init != comparison.reference
                found = comparison.difference(init, name, kind, [fraction]) if other else None
                against = [found.mean, *_ends(found), found.verdict] if found else [None] * (2 + len(_ENDS))
                rows.append(_blank([*row, *mean_and_spread(values), *against]))
    return _csv(rows)


def latex(comparison: Comparison) -> str:
    """The LaTeX table: a row for each initialization, the paper's columns, a group for each label fraction."""
    columns = [(kind, name) for kind in comparison.kinds for name in COLUMNS]
    several = len(comparison.fractions) > 1
    heads = [*(["Labels"] if several else []), "Start from", "Pretrained parts"]
    groups = []
    for fraction in comparison.fractions:
        rows: list[list[str]] = []
        for init in comparison.inits:
            values = [mean_spread(*mean_and_spread(comparison.values(init, fraction, n, k))) for k, n in columns]
            first = [escape(share(fraction)) if not rows else ""] if several else []
            rows.append([*first, escape(init), escape(format_parts(comparison.initializations[init].parts)), *values])
        groups.append(rows)
    progress = f"{len(comparison.results)} of {len(comparison.trials)} trials, {len(comparison.seeds)} seeds"
    lines = [
        f"% needs \\usepackage{{booktabs}}; {progress}",
        "% AP times 100, mean and sample standard deviation over the seeds",
        *booktabs("l" * len(heads) + "c" * len(columns), [*heads, *(measure(*column) for column in columns)], groups),
    ]
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison, recorded: Mapping[str, Initialization] | None = None) -> str:
    """The content of ``comparison.json`` (see the module's docstring), with the weights ``recorded`` in it so far."""
    trials = []
    for trial in comparison.trials:
        result = comparison.results.get(trial.key)
        what = {"init": trial.init, "fraction": trial.fraction, "images": trial.images, "seed": trial.seed}
        more = {"failure": comparison.failures[trial.key]} if trial.key in comparison.failures else {}
        state = {"state": comparison.state(trial), "run": str(trial.path), **more}
        found_values = {"numbers": result.numbers if result else {}, "classes": result.classes if result else {}}
        trials.append({**what, **state, **found_values})
    differences = []
    for init in comparison.challengers:
        for fraction in (None, *comparison.fractions):
            for kind, name in comparison.measures:
                found = comparison.difference(init, name, kind, [fraction] if fraction is not None else ())
                if found:
                    what = {"init": init, "fraction": fraction, "kind": kind, "number": name}
                    value = {
                        "seeds": len(found.values),
                        "mean": found.mean,
                        **dict(zip(_ENDS, _ends(found), strict=True)),
                    }
                    differences.append({**what, **value, "verdict": found.verdict})
    current = comparison.initializations
    left_out = {}
    for init, one in (recorded or {}).items():
        known = current[init].weights if init in current else {}
        if others := {source: sha for source, sha in one.weights.items() if source not in known}:
            left_out[init] = Initialization(one.parts, others)
    content = {
        "format": FORMAT,
        "reference": comparison.reference,
        "evaluation_images": comparison.evaluated,
        "sentences": summary(comparison),
        "judge": {"metric": comparison.metric, "classes": list(comparison.classes)},
        "initializations": {init: one.as_record() for init, one in current.items()},
        "left_out": {init: one.as_record() for init, one in left_out.items()},
        "trials": trials,
        "differences": differences,
        **({"probe_ranking": ranking} if (ranking := ranking_json(comparison)) else {}),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_initializations(file: Path) -> dict[str, Initialization]:
    """The initializations recorded in ``comparison.json``; empty if there is no such file.

    Raises:
        InputError: The file is damaged, or of an earlier or newer version.
    """
    if not file.is_file():
        return {}
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
        version = content["format"]
        if version == FORMAT:
            recorded = {init: dict(one) for init, one in content["initializations"].items()}
            for init, one in content.get("left_out", {}).items():
                mine = recorded.setdefault(init, one)
                mine["weights"] = {**one["weights"], **mine["weights"]}
            return {init: Initialization(tuple(s["parts"]), s["weights"]) for init, s in recorded.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = "cannot read the initial weights recorded for this comparison"
        raise InputError(what, where=str(file), fix="delete the file, if the weights have not changed") from error
    if version == 1:
        raise old_comparison(file)
    what = f"this comparison was made by another version of codo (format {version}, this version has {FORMAT})"
    raise InputError(what, where=str(file), fix="resume it with that version, or start anew in another out=")


def old_comparison(where: Path) -> InputError:
    """The error for a comparison of format 1, which had its trials in ``cells/`` and other names in its files."""
    what = f"this comparison was begun by an earlier version of codo (format 1 with cells/, now {FORMAT} with trials/)"
    return InputError(what, where=str(where), fix="finish it with the version that began it, or start in a new out=")


def _ends(found: Difference) -> list[float | None]:
    parts = (found.interval, found.by_seed, found.by_image)
    return [end for part in parts for end in (part or (None, None))]


def _blank(row: Iterable[object]) -> list[object]:
    return ["" if value is None else value for value in row]


def _csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
