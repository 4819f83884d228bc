"""Load detections with their ground truth, from a finetuning run or from a COCO result file of any detector."""

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
from codo.evaluation.result_conventions import check_results

By = Literal["auto", "bbox", "segm"]

RESULTS = "detections_val.json"
"""File of a finetuning run with the detections of its last evaluation."""


def detections_of_run(run: Run, by: By = "auto") -> Detections:
    """The validation images of a finetuning run with their detections.

    Raises:
        InputError: No detections were written, or the labeled images no longer exist.
    """
    path = run.path / RESULTS
    if not path.is_file():
        raise InputError(f"the run has no {RESULTS} yet", where=str(run.path), fix="let it finish")
    config = config_of(run)
    if "data" not in config:
        raise InputError("the settings of this run have no data", where=str(run.path), fix="add data=FOLDER")
    return join_results(path, read_annotations(resolve(DataSettings, None, config["data"]), "val", sizes=False), by)


def detections_of_file(path: Path, data: DataSettings, split: Split, by: By = "auto") -> Detections:
    """The images of a split with the detections of a result file.

    Raises:
        InputError: Wrong annotations or detections, or images missing.
    """
    return join_results(path, read_annotations(data, split, sizes=False), by, check=True)


def join_results(path: Path, annotations: Annotations, by: By = "auto", *, check: bool = False) -> Detections:
    """Join the detections of a result file with the ground truth, by boxes (``auto``: if there are any) or masks.

    Args:
        path: The result file.
        annotations: The ground truth.
        by: See above.
        check: Whether the file may be of another program, and have boxes in another unit (`check_results`).

    Raises:
        InputError: Invalid detections, none of that kind, or scores outside of [0, 1].
    """
    results = read_results(path, annotations)
    if check:
        check_results(str(path), annotations, results)
    odd = [i for i, row in enumerate(results) if not 0 <= row["score"] <= 1]
    if odd:
        raise InputError(
            f"{len(odd)} of {len(results)} detections with a score outside of 0 to 1; the first: detection number "
            f"{odd[0] + 1} (score {results[odd[0]]['score']:g})",
            where=str(path),
            fix="scale the scores to [0, 1] (codo evaluate takes any scores: it uses only their order)",
        )
    present = outlines(results)
    kind: Kind = by if by != "auto" else "bbox" if "bbox" in present else "segm"
    if kind == "segm" and "segmentation" not in present:
        raise InputError("the detections have no masks", where=str(path), fix="match by boxes instead: by=bbox")
    return join(annotations, results, kind)
