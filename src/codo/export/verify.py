"""The last step before a file counts as written: what it is for computes what the encoder computes."""

from __future__ import annotations

from pathlib import Path

import torch

from codo.errors import CodoError
from codo.export.target import MAPS, Target, covered, encoder_features
from codo.export.trunk import Trunk
from codo.models.box_head import POOL
from codo.models.load_report import LoadReport

TOLERANCE = 1e-5
"""Largest difference between features of the trunk and of the rebuilt model, relative to the largest feature."""

_FIX = "this is a fault of CoDo: report it with the run's config.yaml"


@torch.no_grad()
def verify(trunk: Trunk, target: Target, path: Path) -> LoadReport:
    """Rebuild the model that a file is for, and compare its features with the trunk's on a fixed input.

    Only the parts that are in the trunk and have a place in the model are compared: maps of the backbone, of the
    pyramid, and box features.

    Returns:
        What of the file matched.

    Raises:
        CodoError: A tensor of the trunk is missing, left over or of another shape, or a feature differs.
    """
    rebuilt, report = target.rebuild(trunk, path)
    parts = covered(target, trunk)
    report.require(parts, where=str(path), fix=_FIX)
    if report.unexpected:
        what = f"{len(report.unexpected)} tensors of the file have no place in the model ({report.unexpected[0]})"
        raise CodoError(what, where=str(path), fix=_FIX)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(1, 3, 128, 128, generator=generator)
    pooled = torch.rand(4, trunk.model.fpn_channels, POOL, POOL, generator=generator)
    theirs = rebuilt(images, pooled)
    for name, ours in encoder_features(trunk.encoder())(images, pooled).items():
        part = next(part for part, names in MAPS.items() if name in names)
        if part not in parts or (name not in theirs and any(other in theirs for other in MAPS[part])):
            continue  # a one-stage detector has some of the maps
        if name not in theirs:
            raise CodoError(f"the rebuilt model has no {name}", where=str(path), fix=_FIX)
        difference = float((ours - theirs[name]).abs().max() / ours.abs().max().clamp(min=1))
        if not difference <= TOLERANCE:  # also when it is not a number
            raise CodoError(f"the rebuilt {name} differs by {difference:.1e}", where=str(path), fix=_FIX)
    return report
