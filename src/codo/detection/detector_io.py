"""Saving and loading of finetuned detectors: in a run, and as one file for other tools.

::

    RUN/detector.json                  a `DetectorCard`
    RUN/exports/detector.safetensors   weights under torchvision's names, which its *_v2 detectors load directly;
                                       the header's "codo" is the `DetectorCard`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pydantic import Field
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from codo.annotations.records import Annotations, Category
from codo.annotations.source import DataSettings
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.io import write_atomically
from codo.core.run import Run, is_run, open_run
from codo.detection.detector import Detector, DetectorSettings
from codo.models.encoder import ModelSettings
from codo.training import checkpoint

FILE = "detector.safetensors"
CARD = "detector.json"


class DetectorCard(Settings):
    """Everything needed to build and use a detector, except its weights."""

    model: ModelSettings = Field(description="the trunk")
    detector: DetectorSettings = Field(description="the detector apart from the trunk")
    masks: bool = Field(description="whether it is a Mask R-CNN")
    categories: tuple[Category, ...] = Field(description="id and name of the class of every label, from label 1")
    short_side: int = Field(description="short side in pixels to which images are resized")
    max_size: int = Field(description="largest long side in pixels")

    @property
    def ids(self) -> list[int]:
        """Category id of every label, from label 1."""
        return [category.id for category in self.categories]

    def build(self) -> Detector:
        """The detector with random weights."""
        model = self.model.model_copy(update={"init": "none"})
        return Detector(model, self.detector, classes=len(self.categories), masks=self.masks)

    def check_categories(self, annotations: Annotations, *, where: str) -> None:
        """Refuse data with other categories than the detector.

        Raises:
            InputError: Some objects have a category whose id is unknown or has another name; the error names the first.
        """
        names = dict(self.categories)
        used = {annotations.categories[label - 1] for label in set(annotations.labels.tolist())}
        wrong = sorted(c for c in used if names.get(c.id) != c.name)
        if wrong:
            other = f"'{names[wrong[0].id]}'" if wrong[0].id in names else "unknown"
            raise InputError(
                f"{len(wrong)} of {len(used)} categories differ from those of {where}; the first: "
                f"id {wrong[0].id} is '{wrong[0].name}' here, {other} there",
                where=str(annotations.source),
                fix="use the same category ids and names in both",
            )

    def write(self, run: Run) -> None:
        """Write the card into a run."""
        write_atomically(run.path / CARD, self.model_dump_json(indent=2) + "\n")


@dataclass(frozen=True)
class SavedDetector:
    """A detector on the CPU, its card, and the data of its run; ``None`` for a detector file."""

    detector: Detector
    card: DetectorCard
    data: DataSettings | None = None

    @classmethod
    def load(cls, path: Path, warn: Callable[[str], None] | None = None) -> Self:
        """Load from a run (its newest checkpoint; with ``early_stop`` its best detector) or from an exported file.

        Args:
            path: The run or file.
            warn: Called with a message for every damaged checkpoint that is skipped; by default it is logged to
                standard error.

        Raises:
            InputError: Neither a run nor a detector file; or a run without an intact checkpoint.
        """
        if is_run(path):
            return cls._from_run(open_run(path), warn)
        if path.suffix == ".safetensors" and path.is_file():
            return cls._from_file(path)
        raise InputError(
            "neither a finetune run, nor a detector file, nor a result file"
            if path.exists()
            else "no such run or file",
            where=str(path),
            fix=f"give the out= folder of codo finetune, its exports/{FILE}, or a COCO result file (.json)",
        )

    @classmethod
    def _from_run(cls, run: Run, warn: Callable[[str], None] | None) -> Self:
        if run.verb != "finetune":
            raise InputError(
                f"a {run.verb} run has no detector",
                where=str(run.path),
                fix=f"finetune it first: codo finetune weights={run.path} data=… out=…",
            )
        config, best = run.config, run.exports_dir / FILE
        data = DataSettings.model_validate(config["data"])
        if config.get("early_stop") is not None and best.is_file():
            return replace(cls._from_file(best), data=data)
        state = checkpoint.load_newest(run, warn)
        card = DetectorCard.from_record((run.path / CARD).read_text(encoding="utf-8"))
        detector = card.build()
        detector.load_state_dict(state["method"])
        return cls(detector, card, data)

    @classmethod
    def _from_file(cls, path: Path) -> Self:
        try:
            with safe_open(path, framework="pt") as file:
                header = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        except (OSError, SafetensorError) as error:
            raise InputError(f"cannot read the file: {error}", where=str(path), fix="export it again") from error
        try:
            card = DetectorCard.from_record(header.get("codo", ""))
        except ValueError as error:
            raise InputError(
                "these weights are not a detector of codo finetune",
                where=str(path),
                fix="finetune them first (codo finetune weights=FILE), or give detections as a COCO result file",
            ) from error
        detector = card.build()
        detector.detector.load_state_dict(tensors)
        return cls(detector, card)


def export_detector(path: Path, detector: Detector, card: DetectorCard) -> None:
    """Write a detector as one file (see the docstring of this module).

    Raises:
        OSError: The disk is full or not writable; an existing file is unchanged.
    """
    tensors = {name: tensor.cpu().contiguous() for name, tensor in detector.detector.state_dict().items()}
    # As bytes: safetensors' `save_file` creates files that only their owner may read.
    write_atomically(path, save(tensors, metadata={"format": "pt", "codo": card.model_dump_json()}))
