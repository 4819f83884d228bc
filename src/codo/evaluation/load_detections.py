"""Where detections and the truth beside them come from: a finetuning run, or a result file of any detector."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from codo.annotations.coco.results import outlines, read_results
from codo.annotations.records import Annotations
from codo.annotations.source import DataSettings, Split, read_annotations
from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run
from codo.core.run_files import config_of
from codo.evaluation.detections import Detections, Kind, join

By = Literal["auto", "bbox", "segm"]

RESULTS = "detections_val.json"
"""In a finetuning run: the detections of its last evaluation."""


def detections_of_run(run: Run, by: By = "auto") -> Detections:
    """The validation images of a finetuning run with their detections.

    Raises:
        InputError: No detections were written, or the labeled images are gone.
    """
    path = run.path / RESULTS
    if not path.is_file():
        raise InputError(f"the run has no {RESULTS} yet", where=str(run.path), fix="let it finish")
    config = config_of(run)
    if "data" not in config:
        raise InputError("the settings of this run name no data", where=str(run.path), fix="add data=FOLDER")
    return detections_of_file(path, resolve(DataSettings, None, config["data"]), "val", by)


def detections_of_file(path: Path, data: DataSettings, split: Split, by: By = "auto") -> Detections:
    """The images of a split with the detections of a result file.

    Raises:
        InputError: Wrong annotations or detections, or images missing.
    """
    annotations = read_annotations(data, split, sizes=False)
    return join_results(path, annotations, by)


def join_results(path: Path, annotations: Annotations, by: By = "auto") -> Detections:
    """Put the detections of a result file beside the truth, matched ``by`` boxes (auto: when it has any) or masks.

    Raises:
        InputError: Wrong detections, or none of that kind; scores that are no confidences.
    """
    results = read_results(path, annotations)
    odd = [i for i, row in enumerate(results) if not 0 <= row["score"] <= 1]
    if odd:
        raise InputError(
            f"{len(odd)} of {len(results)} detections with a score out of 0 to 1; the first: detection number "
            f"{odd[0] + 1} (score {results[odd[0]]['score']:g})",
            where=str(path),
            fix="scale the scores (codo evaluate takes any: it looks at their order alone)",
        )
    there = outlines(results)
    kind: Kind = by if by != "auto" else "bbox" if "bbox" in there else "segm"
    if kind == "segm" and "segmentation" not in there:
        raise InputError("the detections have no masks", where=str(path), fix="match by boxes instead: by=bbox")
    return join(annotations, results, kind)
