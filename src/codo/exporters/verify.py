"""The last step before a file counts as written: what it is for computes what the encoder computes."""

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
    """What was found to be right.

    Attributes:
        report: What of the file matched the model it is for.
        how: How that model was rebuilt, as a sentence.
        outputs: Names of the outputs that were compared (see `MAPS`).
    """

    report: LoadReport
    how: str
    outputs: tuple[str, ...]


@torch.no_grad()
def verify(trunk: TrunkWeights, target: Target, path: Path) -> Verified:
    """Rebuild the model that a file is for, and compare its features with the trunk's on a fixed input.

    Only the parts that are in the trunk and have a place in the model are compared: maps of the backbone, of the
    pyramid, and box features.

    Raises:
        CodoError: A tensor of the trunk is missing, left over or of another shape, or a feature differs.
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
    ours, theirs = encoder_features(trunk.encoder())(images, pooled), rebuilt.features(images, pooled)
    compared = []
    for part in parts:
        # A one-stage detector has some of the maps; of every part there must be one at least.
        names = [name for name in MAPS[part] if name in theirs]
        if not names:
            raise CodoError(f"the rebuilt model has no {part}", where=str(path), fix=_FIX)
        for name in names:
            _compare(name, ours[name], theirs[name], path)
        compared += names
    return Verified(rebuilt.report, rebuilt.how, tuple(compared))


def _compare(name: str, ours: torch.Tensor, theirs: torch.Tensor, path: Path) -> None:
    if ours.shape != theirs.shape:
        what = f"the rebuilt {name} has shape {tuple(theirs.shape)}, not {tuple(ours.shape)}"
        raise CodoError(what, where=str(path), fix=_FIX)
    difference = float((ours - theirs).abs().max() / ours.abs().max().clamp(min=1))
    if not difference <= TOLERANCE:  # also when it is not a number
        raise CodoError(f"the rebuilt {name} differs by {difference:.1e}", where=str(path), fix=_FIX)
