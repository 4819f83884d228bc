"""The mean AP of chosen classes (``judge.classes``), and its values on resamples of the evaluation images.

::

    OUT/trials/INIT/fraction-F/seed-S/result_classes.json    {"classes": ["cat"], "resampled": {"bbox": [0.4, …], …}}

Every trial has the AP of each class. Resamples are computed from its detections when a comparison first asks for these
classes, and kept in that file: other classes may be chosen later, for finished trials too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean
from typing import get_args

import numpy as np

from codo.annotations.records import Annotations
from codo.comparison.trials import Result, Trial
from codo.core.errors import InputError, nearest
from codo.core.io import write_atomically
from codo.detection.protocol import evaluated_objects
from codo.evaluation.detections import Kind
from codo.evaluation.load_detections import RESULTS, join_results
from codo.evaluation.resampling import image_weights, resampled_ap
from codo.evaluation.statistics import Floats
from codo.evaluation.truth_checks import LIMITS

CHOSEN = "AP_classes"
"""Name of the mean AP of the chosen classes among the numbers of a trial."""

SIZES = {"APs": (0.0, LIMITS[0]), "APm": LIMITS, "APl": (LIMITS[1], math.inf)}
"""COCO's small, medium and large objects: areas in square pixels, both ends included."""

CLASS_RESULT = "result_classes.json"
NAMED = 3
"""Up to this many classes are named in a sentence."""
LISTED = 30
"""Up to this many known classes are listed in an error."""


def check_classes(classes: Sequence[str], val: Annotations) -> None:
    """Check that the chosen classes exist and can be evaluated.

    Raises:
        InputError: The data have no class of a name, or the val split has no object of it.
    """
    objects = evaluated_objects(val)
    known = ", ".join([*objects][:LISTED]) + (", …" if len(objects) > LISTED else "")
    for name in classes:
        if name not in objects:
            hint = nearest(name, [*objects])
            what = f"judge.classes= has '{name}', which is not a class of the data"
            raise InputError(what, where="judge.classes", fix=f"{hint} known: {known}".strip())
        if not objects[name]:
            what = f"judge.classes= has '{name}', but the val split has no object of this class"
            raise InputError(what, where=str(val.source), fix="leave it out, or evaluate on images that show it")


def check_metric(metric: str, val: Annotations) -> None:
    """Check that the number which the verdicts are about is known: AP by size needs objects of this size.

    Raises:
        InputError: The val split has none.
    """
    low, high = SIZES.get(metric, (0.0, math.inf))
    areas = val.areas[~val.ignored]
    if metric in SIZES and not ((areas >= low) & (areas <= high)).any():
        what = f"judge.metric={metric}, but the val split has no object of this size"
        raise InputError(what, where=str(val.source), fix="judge by AP, AP50 or AP75")


def measure_name(metric: str, classes: Sequence[str]) -> str:
    """The number that the verdicts are about, in words: ``AP50``, ``AP of cat and dog``, ``AP of 12 classes``."""
    if not classes:
        return metric
    if len(classes) > NAMED:
        return f"{metric} of {len(classes)} classes"
    return f"{metric} of {' and '.join(filter(None, [', '.join(classes[:-1]), classes[-1]]))}"


def with_chosen(trial: Trial, result: Result, classes: Sequence[str], val: Annotations) -> Result:
    """The result with the mean AP of the chosen classes, named `CHOSEN`; unchanged where their AP is not known.

    Args:
        trial: A finished trial.
        result: Its result.
        classes: The chosen classes.
        val: The evaluation data.
    """
    known = {kind: of for kind, of in result.classes.items() if all(name in of for name in classes)}
    if not known:
        return result
    resampled = _resampled(trial, [kind for kind in get_args(Kind) if kind in known], classes, val)
    numbers = {
        kind: {**of, CHOSEN: fmean(known[kind][name] for name in classes)} if kind in known else of
        for kind, of in result.numbers.items()
    }
    draws = {kind: {**result.resampled.get(kind, {}), CHOSEN: values} for kind, values in resampled.items()}
    return replace(result, numbers=numbers, resampled={**result.resampled, **draws})


def _resampled(trial: Trial, kinds: Sequence[Kind], classes: Sequence[str], val: Annotations) -> dict[str, Floats]:
    """Kind -> mean AP on each resample, ``(B,)``; empty if the detections of the trial are gone."""
    file, wanted = trial.path / CLASS_RESULT, sorted(classes)
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["classes"] == wanted and set(kinds) <= set(kept["resampled"]):
            return {kind: np.array(kept["resampled"][kind]) for kind in kinds}
    if not (trial.path / RESULTS).is_file():
        return {}
    weights = image_weights(len(val))
    found: dict[str, Floats] = {
        kind: resampled_ap(join_results(trial.path / RESULTS, val, kind), weights, wanted)["AP"].round(6)
        for kind in kinds
    }
    content = {"classes": wanted, "resampled": {kind: values.tolist() for kind, values in found.items()}}
    write_atomically(file, json.dumps(content) + "\n")
    return found
