"""``codo export``: the trunk of a run as a file for other tools.

A file counts as written only after the model it is for was rebuilt from it and gave the same numbers. Beside it lies a
page of the same name, ``.md``, with the code that loads it and the load report.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor

from codo import __version__
from codo.errors import CodoError, InputError, nearest
from codo.export.safetensors import Safetensors
from codo.export.target import DetectorName, Target
from codo.export.torchvision import Torchvision
from codo.export.trunk import PARTS, Trunk, read_trunk
from codo.models.backbone import STRIDES
from codo.models.box_head import POOL
from codo.models.encoder import LEVELS
from codo.models.load_report import LoadReport
from codo.models.roi_align import roi_align
from codo.run import Run, open_run

TARGETS: dict[str, type[Target]] = {"torchvision": Torchvision, "safetensors": Safetensors}
"""The targets by name. A new one is a file and a line here."""

TOLERANCE = 1e-5
"""Largest difference between features of the trunk and of the rebuilt model, relative to the largest feature."""


def export(run: Run | str | Path, to: str, out: str | Path | None = None, model: DetectorName = "mask_rcnn") -> Path:
    """Export the pretrained trunk of a run.

    Args:
        run: A pretraining run, or its directory.
        to: ``torchvision`` or ``safetensors``.
        out: File to write; by default one in the run's ``exports/``.
        model: The detector that the file is for: ``mask_rcnn`` or ``faster_rcnn``.

    Returns:
        The file. How to load it is in the page beside it, of the same name ending in ``.md``.

    Raises:
        InputError: Unknown target or detector, not a pretraining run, no checkpoint, or no place to write to.
        CodoError: The rebuilt model differs from the trunk; no file is left.
    """
    if to not in TARGETS:
        known = f"one of: {', '.join(TARGETS)}"
        raise InputError(f"unknown export target '{to}'", where="--to", fix=nearest(to, list(TARGETS)) or known)
    if model not in get_args(DetectorName):
        known = f"one of: {', '.join(get_args(DetectorName))}"
        raise InputError(f"unknown detector '{model}'", where="model", fix=known)
    run = run if isinstance(run, Run) else open_run(run)
    target = TARGETS[to](model)
    trunk = read_trunk(run)
    path = Path(out) if out is not None else run.exports_dir / target.filename
    write_verified(trunk, target, path)
    return path


def write_verified(trunk: Trunk, target: Target, path: Path) -> LoadReport:
    """Write a trunk, rebuild it from the file and compare, then put file and page in their places.

    Returns:
        What of the file matched the model it is for.

    Raises:
        InputError: ``path`` cannot be written to.
        CodoError: The disk is full, or the rebuilt model lacks something of the trunk or computes something else.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    if path.is_dir():
        raise InputError("the export would replace a folder", where=str(path), fix="name a file with --out")
    try:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            target.write(trunk, temporary)
        except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
            reason = str(getattr(error, "strerror", None) or error).splitlines()[0]
            fix = "free some space, or choose another --out"
            full = not isinstance(error, OSError) or error.errno == errno.ENOSPC
            kind = CodoError if full else InputError
            raise kind(f"cannot write the export: {reason}", where=str(path), fix=fix) from error
        report = verify(trunk, target, temporary)
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
    path.with_suffix(".md").write_text(page(trunk, target, path, report), encoding="utf-8")
    return report


@torch.no_grad()
def verify(trunk: Trunk, target: Target, path: Path) -> LoadReport:
    """Rebuild the model that a file is for, and compare its features with the trunk's on a fixed input.

    Returns:
        What of the file matched.

    Raises:
        CodoError: A tensor of the trunk is missing, left over or of another shape, or a feature differs.
    """
    fix = "this is a fault of CoDo: report it with the run's config.yaml"
    rebuilt, report = target.rebuild(trunk, path)
    report.require(PARTS, where=str(path), fix=fix)
    if report.unexpected:
        what = f"{len(report.unexpected)} tensors of the file have no place in the model ({report.unexpected[0]})"
        raise CodoError(what, where=str(path), fix=fix)
    encoder = trunk.encoder()
    images = torch.randn(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    maps = encoder.features(images)
    box = torch.tensor([[17.0, 9.0, 101.0, 88.0]])
    pooled = torch.cat([roi_align(m, box, 1 / stride, POOL) for m, stride in zip(maps, STRIDES, strict=True)])
    expected: list[Tensor] = [*maps, encoder.box_head(pooled)]
    for name, ours, theirs in zip((*LEVELS, "box head"), expected, rebuilt(images, pooled), strict=True):
        scale = ours.abs().max().clamp(min=1)
        difference = float((ours - theirs).abs().max() / scale)
        if not difference <= TOLERANCE:  # also when it is not a number
            raise CodoError(f"the rebuilt {name} differs by {difference:.1e}", where=str(path), fix=fix)
    return report


def page(trunk: Trunk, target: Target, path: Path, report: LoadReport) -> str:
    """The page beside the weights: what they are, how to load them, what matches."""
    model = trunk.model
    return (
        f"# {path.name}\n\n"
        f"Backbone, FPN and box head ({model.backbone} of width {model.width:g}, {model.fpn_channels} channels, "
        f"{model.head}), pretrained by method `{trunk.method}` for {trunk.step} steps with CoDo {__version__}. "
        "Images are RGB in 0..1, minus ImageNet's mean, divided by its deviation.\n\n"
        f"```python\n{target.usage(trunk, path.name)}```\n\n"
        "What matches the model that the code builds (`missing` keeps its random start):\n\n"
        f"```\n{report.table()}\n```\n"
    )
