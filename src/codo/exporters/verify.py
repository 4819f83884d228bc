"""Verification of an export: the model rebuilt from the file must compute the same features as the encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from codo.core.errors import CodoError
from codo.exporters.target import MAPS, Target, covered, encoder_features
from codo.exporters.trunk import TrunkWeights
from codo.models.backbone import input_side
from codo.models.box_head import POOL
from codo.models.load_report import LoadReport

TOLERANCE = 1e-5
"""Largest difference between features of the trunk and of the rebuilt model, relative to the largest feature."""

_FIX = "this is a fault of CoDo: report it with the run's config.yaml"


@dataclass(frozen=True)
class Verified:
    """Result of a verification.

    Attributes:
        report: Which tensors of the file matched the library's model.
        how: A sentence on how that model was rebuilt.
        outputs: Names of the outputs that were compared (see `MAPS`).
    """

    report: LoadReport
    how: str
    outputs: tuple[str, ...]


@torch.no_grad()
def verify(trunk: TrunkWeights, target: Target, path: Path) -> Verified:
    """Rebuild the library's model from a file, and compare its features with the trunk's on a fixed input.

    Only parts that exist in both the trunk and the model are compared: backbone maps, pyramid maps, box features.

    Raises:
        CodoError: A tensor of the trunk is missing, unexpected or has another shape, or a feature differs.
    """
    rebuilt = target.rebuild(trunk, path)
    parts = covered(target, trunk)
    rebuilt.report.require(parts, where=str(path), fix=_FIX)
    if unexpected := rebuilt.report.unexpected:
        what = f"{len(unexpected)} tensors of the file have no place in the model ({unexpected[0]})"
        raise CodoError(what, where=str(path), fix=_FIX)
    generator = torch.Generator().manual_seed(0)
    side = input_side(trunk.model.backbone)
    images = torch.randn(1, 3, side, side, generator=generator)
    pooled = torch.rand(4, trunk.model.fpn_channels, POOL, POOL, generator=generator)
    expected, actual = encoder_features(trunk.encoder())(images, pooled), rebuilt.features(images, pooled)
    compared = []
    for part in parts:
        # A one-stage detector has only some of the maps; each part must have at least one.
        names = [name for name in MAPS[part] if name in actual]
        if not names:
            raise CodoError(f"the rebuilt model has no {part}", where=str(path), fix=_FIX)
        for name in names:
            _compare(name, expected[name], actual[name], path)
        compared += names
    return Verified(rebuilt.report, rebuilt.how, tuple(compared))


def _compare(name: str, expected: torch.Tensor, actual: torch.Tensor, path: Path) -> None:
    if expected.shape != actual.shape:
        what = f"the rebuilt {name} has shape {tuple(actual.shape)}, not {tuple(expected.shape)}"
        raise CodoError(what, where=str(path), fix=_FIX)
    difference = float((expected - actual).abs().max() / expected.abs().max().clamp(min=1))
    if not difference <= TOLERANCE:  # also when it is not a number
        raise CodoError(f"the rebuilt {name} differs by {difference:.1e}", where=str(path), fix=_FIX)
