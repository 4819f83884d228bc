"""The base class of all export targets; each target is implemented in its own file."""

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
from codo.models.normalization import IMAGENET, PIXEL_MEAN, PIXEL_STD

DetectorName = Literal["mask_rcnn", "faster_rcnn", "retinanet", "fcos"]

MAPS = {"backbone": ("C2", "C3", "C4", "C5"), "fpn": LEVELS, "box_head": ("box head",)}
"""Part of a trunk -> names of its outputs: backbone maps, pyramid maps, box features."""

Features = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""Runs a rebuilt trunk: images (B, 3, H, W) and pooled boxes (N, C, 7, 7) -> outputs by the names in `MAPS`."""


@dataclass(frozen=True)
class Rebuilt:
    """The model of the target library, rebuilt from an exported file.

    Attributes:
        features: Runs the trunk inside that model.
        report: Which tensors of the file matched that model.
        how: A sentence on how it was rebuilt, for the page next to the file.
    """

    features: Features
    report: LoadReport
    how: str


class Target(ABC):
    """An export format for one library.

    Args:
        detector: The detector that the file is for, if the format depends on it.

    Attributes:
        file: Name of the file (or folder), with ``{detector}`` if it depends on the detector.
        takes: The parts of a trunk that the format includes.
        detectors: The detectors that the target supports; all if the format does not depend on the detector.
        random: Component of the library's model -> why it stays random.
        endings: Allowed extensions, by which the library recognizes the format; empty if any will do.
        editable: Whether the companions are configurations that users edit, and must not be overwritten.

    Raises:
        InputError: The target does not support the detector.
    """

    file: ClassVar[str]
    takes: ClassVar[tuple[str, ...]] = PARTS
    detectors: ClassVar[tuple[str, ...]] = get_args(DetectorName)
    random: ClassVar[Mapping[str, str]] = {}
    endings: ClassVar[tuple[str, ...]] = ()
    editable: ClassVar[bool] = False

    def __init__(self, detector: DetectorName = "mask_rcnn") -> None:
        if detector not in self.detectors:
            what = f"{type(self).__name__} exports do not support '{detector}'"
            raise InputError(what, where="--model", fix=f"one of: {', '.join(self.detectors)}")
        self.detector = detector

    @property
    def filename(self) -> str:
        """Name of the file (or folder) in the run's ``exports/``."""
        return self.file.format(detector=self.detector)

    @abstractmethod
    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under the library's names.

        Raises:
            InputError: The library cannot represent this trunk.
        """

    @abstractmethod
    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write the weights."""

    @abstractmethod
    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Do what a user does with the file: build the library's model and load it."""

    @abstractmethod
    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""

    def companions(self, trunk: TrunkWeights, name: str) -> dict[str, str]:
        """Further files in the folder of the weights called ``name``, such as configurations: name -> text."""
        return {}

    def left_out(self, trunk: TrunkWeights) -> dict[str, str]:
        """Parts of the trunk that are left out or changed -> why."""
        return {}

    def weights(self, out: Path) -> Path:
        """The weights file for the user's ``--out``.

        Raises:
            InputError: The extension is not one of ``endings``.
        """
        if self.endings and out.suffix not in self.endings:
            fix = f"name it {out.stem}{self.endings[0]}"
            raise InputError(f"the file name must end in {' or '.join(self.endings)}", where=f"--out {out}", fix=fix)
        return out

    def page_name(self, weights: Path) -> str:
        """Name of the page next to the weights."""
        return f"{weights.stem}.md"

    def front_matter(self, trunk: TrunkWeights) -> str:
        """YAML metadata at the beginning of the page."""
        return ""


def translate(trunk: TrunkWeights, layout: str, takes: tuple[str, ...] = PARTS) -> dict[str, Tensor]:
    """Convert the tensor names of a trunk to a layout.

    Args:
        trunk: The trunk.
        layout: Name of the layout.
        takes: Parts to include.

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
    """``torch.save`` to a Python file, whose errors give the reason of a failed write; torch's own do not."""
    with path.open("wb") as file:
        torch.save(content, file)


def covered(target: Target, trunk: TrunkWeights) -> tuple[str, ...]:
    """The parts of the trunk that the target includes."""
    return tuple(part for part in target.takes if part in trunk.parts)


def changed_settings(model: ModelSettings) -> str:
    """Arguments of ``ModelSettings`` that differ from the defaults, as Python code; how files become colors is none."""
    standard: Any = ModelSettings()
    usual = {"mean": (None, PIXEL_MEAN), "std": (None, PIXEL_STD), "pixels": (model.pixels,)}
    changed = ((key, value) for key, value in model if value not in usual.get(key, (getattr(standard, key),)))
    return ", ".join(f"{key}={value!r}" for key, value in changed)


def changed_normalization(model: ModelSettings, mean: str, std: str) -> str:
    """Further arguments of a constructor whose defaults are ImageNet's normalization, as Python code.

    Args:
        model: Settings of the trunk.
        mean: The constructor's name for the mean.
        std: The same for the deviation.

    Returns:
        ``, mean=(…), std=(…)``, or nothing if the trunk has ImageNet's.
    """
    own = model.normalization
    return "" if own == IMAGENET else f", {mean}={own.mean}, {std}={own.std}"


def encoder_features(encoder: Encoder) -> Features:
    """A function that computes all outputs of an encoder before the projection."""

    def features(images: Tensor, pooled: Tensor) -> dict[str, Tensor]:
        maps = encoder.backbone(images)
        named = dict(zip(MAPS["backbone"], maps, strict=True))
        named |= zip(MAPS["fpn"], encoder.fpn(maps), strict=True)
        return {**named, "box head": encoder.box_head(pooled)}

    return features
