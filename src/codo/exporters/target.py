"""What every export target can do; one file per target implements it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor

from codo.core.errors import InputError
from codo.exporters.trunk import PARTS, TrunkWeights
from codo.models.encoder import LEVELS, Encoder, ModelSettings
from codo.models.key_maps import LAYOUTS
from codo.models.load_report import LoadReport

DetectorName = Literal["mask_rcnn", "faster_rcnn", "retinanet", "fcos"]

MAPS = {"backbone": ("C2", "C3", "C4", "C5"), "fpn": LEVELS, "box_head": ("box head",)}
"""Part of a trunk -> what it computes: backbone maps, pyramid maps, box features."""

Features = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""Runs a rebuilt trunk: images (B, 3, H, W) and pooled boxes (N, C, 7, 7) -> outputs by the names in `MAPS`."""


@dataclass(frozen=True)
class Rebuilt:
    """What came out of a file again.

    Attributes:
        features: Runs the trunk inside the model that the file is for.
        report: What of the file matched that model.
        how: How that was done, as a sentence for the page beside the file.
    """

    features: Features
    report: LoadReport
    how: str


class Target(ABC):
    """A format for one kind of reader.

    Args:
        detector: The detector that the file is meant for, where that makes a difference.

    Attributes:
        file: Name of the file (or folder), with ``{detector}`` where it differs.
        takes: The parts of a trunk that the reader has a place for.
        detectors: The detectors that the target knows; all where it makes no difference.
        random: Component of the reader's model -> why it starts random.
        endings: How the name of the file must end for its readers to know what it is; empty where they do not care.
        editable: Whether the companions are configurations, which users change and would not want to lose.

    Raises:
        InputError: A detector that the target does not know.
    """

    file: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = PARTS
    detectors: ClassVar[tuple[str, ...]] = get_args(DetectorName)
    random: ClassVar[Mapping[str, str]] = {}
    endings: ClassVar[tuple[str, ...]] = ()
    editable: ClassVar[bool] = False

    def __init__(self, detector: DetectorName = "mask_rcnn") -> None:
        if detector not in self.detectors:
            what = f"{type(self).__name__} exports are not made for '{detector}'"
            raise InputError(what, where="--model", fix=f"one of: {', '.join(self.detectors)}")
        self.detector = detector

    @property
    def filename(self) -> str:
        """Name of the file (or folder) in the run's ``exports/``."""
        return self.file.format(detector=self.detector)

    @abstractmethod
    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under the reader's names.

        Raises:
            InputError: The reader has no place for this kind of trunk.
        """

    @abstractmethod
    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the weights."""

    @abstractmethod
    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Do what a user does with the file: build the model it is for and load it."""

    @abstractmethod
    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python that loads the file called ``name``."""

    def companions(self, trunk: TrunkWeights, name: str) -> dict[str, str]:
        """Files beside the weights called ``name``, such as configurations: name -> text."""
        return {}

    def left_out(self, trunk: TrunkWeights) -> dict[str, str]:
        """What of the trunk the file does not hold as it is -> why."""
        return {}

    def weights(self, out: Path) -> Path:
        """Where the weights go when the user asks for ``out``.

        Raises:
            InputError: Readers of the format would not know a file of this name for what it is.
        """
        if self.endings and out.suffix not in self.endings:
            fix = f"name it {out.stem}{self.endings[0]}"
            raise InputError(f"the file has to end in {' or '.join(self.endings)}", where=f"--out {out}", fix=fix)
        return out

    def page_name(self, weights: Path) -> str:
        """Name of the page beside the weights."""
        return f"{weights.stem}.md"

    def front_matter(self, trunk: TrunkWeights) -> str:
        """What the page begins with."""
        return ""


def translate(trunk: TrunkWeights, layout: str, takes: tuple[str, ...] = PARTS) -> dict[str, Tensor]:
    """Tensors of a trunk under the names of a layout.

    Args:
        trunk: The trunk.
        layout: Name of the layout.
        takes: Parts that are wanted.

    Raises:
        InputError: The layout has no name for one of the tensors.
    """
    names, tensors = LAYOUTS[layout], {}
    for name, tensor in trunk.tensors.items():
        if name.split(".")[0] not in takes:
            continue
        if (foreign := names.foreign(name)) is None:
            what = f"{names.title} has no place for {name} of {trunk.model.backbone}"
            raise InputError(what, where="--to", fix="use --to safetensors or --to torchvision")
        tensors[foreign] = tensor
    return tensors


def save_torch(content: Mapping[str, Any], path: Path) -> None:
    """``torch.save`` through Python's file, whose errors say why the disk refused; torch's own do not."""
    with path.open("wb") as file:
        torch.save(content, file)


def covered(target: Target, trunk: TrunkWeights) -> tuple[str, ...]:
    """The parts that are in the trunk and have a place in the target."""
    return tuple(part for part in target.takes if part in trunk.parts)


def changed_settings(model: ModelSettings) -> str:
    """Arguments of ``ModelSettings`` that differ from the defaults, as Python."""
    standard: Any = ModelSettings()
    return ", ".join(f"{key}={value!r}" for key, value in model if value != getattr(standard, key))


def encoder_features(encoder: Encoder) -> Features:
    """Runs an encoder, giving everything that it computes before the projection."""

    def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
        maps = encoder.backbone(images)
        named = dict(zip(MAPS["backbone"], maps, strict=True))
        named |= zip(MAPS["fpn"], encoder.fpn(maps), strict=True)
        return {**named, "box head": encoder.box_head(pooled)}

    return features
