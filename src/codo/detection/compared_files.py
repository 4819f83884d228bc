"""``codo evaluate FILE data=… against=FILE``: is one detector better than another, whichever library trained them?

Files are COCO results on the same images. With one file on each side only the noise of the evaluation images is known.
A ``*`` stands for the seed: files of ``mine-*.json`` and ``none-*.json`` are paired by it, and the noise of training
counts, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from codo.annotations.records import Annotations
from codo.core.errors import InputError
from codo.core.numbers import points
from codo.evaluation.ap_values import NAMES, SINGULAR, ap_value
from codo.evaluation.coco_metrics import Kind
from codo.evaluation.detections import join
from codo.evaluation.matching import Floats
from codo.evaluation.resampling import image_weights, resampled_ap
from codo.evaluation.statistics import LEVEL, MIN_SEEDS, Difference, Interval, paired, without_absent
from codo.evaluation.verdict import verdict

Results = Sequence[dict[str, Any]]
Numbers = Mapping[str, Mapping[str, float]]


def files_by_seed(pattern: Path) -> dict[str, Path]:
    """Files by what stands for the ``*`` of a pattern, which is in the name of the file; one file by ``""``.

    Raises:
        InputError: Several ``*``, or no such file.
    """
    before, star, after = pattern.name.partition("*")
    if "*" in after or "*" in str(pattern.parent):
        fix = "write one, where the seed is, in the name of the file"
        raise InputError("more than one '*', or one in the name of a folder", where=str(pattern), fix=fix)
    if not star:
        return {"": pattern}
    if not pattern.parent.is_dir():
        raise InputError("no such folder", where=str(pattern.parent), fix="correct its name")
    found = [one for one in pattern.parent.iterdir() if one.name.startswith(before) and one.name.endswith(after)]
    by_seed = {one.name[len(before) : len(one.name) - len(after)]: one for one in sorted(found)}
    if not by_seed:
        raise InputError("no such files", where=str(pattern), fix="correct the name; '*' stands for the seed")
    return by_seed


def compare_files(
    source: Path,
    against: Path,
    annotations: Annotations,
    read: Callable[[Path], tuple[Results, Sequence[Kind]]],
    score: Callable[[Results, Sequence[Kind]], Numbers],
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Means of two sides and their paired differences.

    Args:
        source: Result file or pattern of one side.
        against: That of the other side, which is subtracted.
        annotations: The ground truth of all files.
        read: Reads and checks a file; returns its detections and what to score.
        score: COCO's numbers of detections.

    Returns:
        For each kind (``bbox``, ``segm``) five entries of numbers by name: ``bbox`` and ``bbox_against``, the means;
        ``bbox_difference``, and the ends of its interval, ``bbox_low`` and ``bbox_high``; and a sentence for each kind.
        An interval is of both kinds of noise for AP, AP50 and AP75, of training alone for the others. With one seed it
        is of the images alone, and the others have none.

    Raises:
        InputError: A file is invalid, the sides have no seed in common, or one has masks or boxes alone.
    """
    sides = [files_by_seed(one) for one in (source, against)]
    seeds = [seed for seed in sides[0] if seed in sides[1]]
    if not seeds:
        what = f"no '*' of {source.name} ({', '.join(sides[0])}) is one of {against.name} ({', '.join(sides[1])})"
        raise InputError(what, where="against=", fix="name both sides alike: mine-0.json, … and none-0.json, …")
    weights = image_weights(len(annotations))
    values: list[list[Numbers]] = [[], []]
    draws: list[list[dict[str, dict[str, Floats]]]] = [[], []]
    for i, side in enumerate(sides):
        for seed in seeds:
            results, kinds = read(side[seed])
            values[i].append(score(results, kinds))
            draws[i].append({kind: resampled_ap(join(annotations, results, kind), weights) for kind in kinds})
    common = [kind for kind in SINGULAR if all(kind in one for side in draws for one in side)]
    if not common:
        fix = "give both sides with boxes, or both with masks"
        raise InputError("one side has masks alone, the other boxes alone", where="against=", fix=fix)
    left_out = sorted({*sides[0], *sides[1]} - {*seeds})
    told = [f"without a partner, and left out: {', '.join(left_out)}"] if left_out else []
    found: dict[str, dict[str, float]] = {}
    for kind in common:
        rows: dict[str, dict[str, float]] = {
            f"{kind}{end}": {} for end in ("", "_against", "_difference", "_low", "_high")
        }
        for name in NAMES:
            one = _difference(values, draws, kind, name)
            if one is None:
                continue
            assert one.means is not None  # given below
            entries = dict(zip(rows, (*one.means, one.mean, *(_interval(one) or ())), strict=False))
            for row, value in entries.items():
                rows[row][name] = value
            if name == "AP":
                told.append(_sentence(source, against, one, kind, len(annotations)))
        found |= rows
    return found, told


def _difference(
    values: Sequence[Sequence[Numbers]], draws: Sequence[Sequence[dict[str, dict[str, Floats]]]], kind: str, name: str
) -> Difference | None:
    """The difference of one number, paired by seed and image; ``None`` where a file does not have it."""
    known = [[ap_value(one, kind, name) for one in side] for side in values]
    numbers = [{i: value for i, value in enumerate(side) if value is not None} for side in known]
    gains = paired(numbers[:1], numbers[1:])
    if len(gains) < len(values[0]):
        return None
    means = (fmean(numbers[0].values()), fmean(numbers[1].values()))
    resampled = None
    if all(name in one[kind] for side in draws for one in side):
        mine, other = (np.mean([without_absent(one[kind][name]) for one in side], axis=0) for side in draws)
        resampled = mine - other
    return Difference.of(gains, resampled, means)


def _interval(one: Difference) -> Interval | None:
    """With all noise that is known: with one seed that of the images."""
    return one.interval or one.by_image


def _sentence(source: Path, against: Path, one: Difference, kind: str, images: int) -> str:
    label, reference = (path.stem.replace("*", "").strip("-_. ") for path in (source, against))
    if label == reference:
        label, reference = str(source), str(against)
    if len(one.values) == 1 and one.by_image is not None:
        between = " to ".join(points(end) for end in one.by_image)
        return (
            f"{label} against {reference}: {points(one.mean)} points of {SINGULAR[kind]} AP ({LEVEL:.0%} interval "
            f"{between} from the choice of {images:,} evaluation images). One seed cannot show the noise of training: "
            f"give {MIN_SEEDS} (mine-*.json)."
        )
    return verdict(label, reference, one, kind=kind, evaluated=images)
