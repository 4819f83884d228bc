"""``codo export``: write the trunk of a run in the format of another library.

Before a file is put in place, the library's model is rebuilt from it and must compute the same features. Next to it is
a page of the same name, ``.md``, with the code that loads it, the load report and the origin of the weights; some
targets add configurations. All files of an export are moved into place together, the weights last, so that weights
never exist without their page.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_args

from codo.core.errors import CodoError, InputError, nearest, system_error
from codo.core.io import flush_to_disk, remove_temporary, temporary_path
from codo.core.run import Run, open_run
from codo.exporters.card import card, heading, sha256
from codo.exporters.detectron2 import Detectron2
from codo.exporters.hub import Hub
from codo.exporters.mmdet import MMDet
from codo.exporters.one_stage import OneStage
from codo.exporters.origin import Origin, read_origin
from codo.exporters.resnet import ResNet
from codo.exporters.safetensors import Safetensors
from codo.exporters.target import DetectorName, Target
from codo.exporters.timm import Timm
from codo.exporters.torchvision import Torchvision
from codo.exporters.trunk import Network, TrunkWeights, read_trunk
from codo.exporters.verify import verify
from codo.models.load_report import LoadReport


def _torchvision(detector: DetectorName) -> Target:
    return OneStage(detector) if detector in OneStage.detectors else Torchvision(detector)


TARGETS: dict[str, Callable[[DetectorName], Target]] = {
    "torchvision": _torchvision,
    "detectron2": Detectron2,
    "mmdet": MMDet,
    "timm": Timm,
    "resnet": ResNet,
    "safetensors": Safetensors,
    "hub": Hub,
}
"""The targets by name. To add one, write a `Target` in a new file and list it here."""


def export(
    run: Run | str | Path,
    to: str,
    out: str | Path | None = None,
    model: DetectorName = "mask_rcnn",
    encoder: Network = "query",
) -> Path:
    """Export the pretrained trunk of a run.

    Args:
        run: A pretraining run, or its directory.
        to: ``torchvision``, ``detectron2``, ``mmdet``, ``timm``, ``resnet``, ``safetensors`` or ``hub``.
        out: File to write (a folder for ``hub``); by default in the run's ``exports/``.
        model: The detector that the file is for: ``mask_rcnn``, ``faster_rcnn``, ``retinanet`` or ``fcos``; the last
            two with torchvision only.
        encoder: ``query``, the trained encoder, or ``key``, the momentum encoder.

    Returns:
        The file, or the folder. A page of the same name, ending in ``.md``, shows how to load it.

    Raises:
        InputError: Target, detector or encoder are unknown or do not fit the run; not a pretraining run; no checkpoint;
            or ``out`` is not writable.
        CodoError: The rebuilt model differs from the trunk; no file is kept.

    Example:
        >>> import codo
        >>> codo.export("runs/mine", to="torchvision").name
        'torchvision_mask_rcnn.pth'
    """
    _check("export target", to, list(TARGETS), "--to")
    _check("detector", model, list(get_args(DetectorName)), "--model")
    run = run if isinstance(run, Run) else open_run(run)
    target = TARGETS[to](model)
    trunk = read_trunk(run, encoder)
    path = Path(out) if out is not None else run.exports_dir / _default_name(target, encoder)
    write_verified(trunk, target, path, read_origin(run, trunk.step))
    return path


def _check(what: str, name: str, known: list[str], where: str) -> None:
    if name not in known:
        fix = nearest(name, known) or f"one of: {', '.join(known)}"
        raise InputError(f"unknown {what} '{name}'", where=where, fix=fix)


def _default_name(target: Target, encoder: Network) -> str:
    name = Path(target.filename)
    return name.name if encoder == "query" else f"{name.stem}_key{name.suffix}"


def write_verified(trunk: TrunkWeights, target: Target, path: Path, origin: Origin | None = None) -> LoadReport:
    """Write a trunk, verify the file by rebuilding the model, then move all files into place.

    Args:
        trunk: The trunk to write.
        target: The export format.
        path: The file, or the folder of a target that writes a folder.
        origin: The run of the weights, for the page.

    Returns:
        Which tensors of the file matched the library's model.

    Raises:
        InputError: ``path`` is not writable, or the target cannot represent this trunk.
        CodoError: The disk is full, or the rebuilt model lacks a part of the trunk or computes other features.
    """
    target.state(trunk)  # raises if the target cannot represent the trunk
    weights = target.weights(path)
    texts = {weights.with_name(name): text for name, text in target.companions(trunk, weights.name).items()}
    page = weights.with_name(target.page_name(weights))
    _check_places([*texts, page, weights])
    if page.exists() or weights.exists():
        _check_ours(page, heading(trunk, target, weights.name))
    if target.editable:
        _check_unchanged(texts)
    # Temporary names keep the extension: libraries recognize formats by it.
    staged = {final: temporary_path(final, ending=final.suffix) for final in (*texts, page, weights)}
    for final in staged:
        remove_temporary(final.parent, final.name)
    new = [folder for folder in (weights.parent, *weights.parent.parents) if not folder.exists()]
    try:
        with _writing(path):
            weights.parent.mkdir(parents=True, exist_ok=True)
            target.write(trunk, staged[weights])
        verified = verify(trunk, target, staged[weights])
        texts[page] = card(trunk, target, weights.name, verified, sha256(staged[weights]), origin)
        with _writing(path):
            for final, text in texts.items():
                staged[final].write_text(text, encoding="utf-8")
            for temporary in staged.values():
                flush_to_disk(temporary)
            for final, temporary in staged.items():
                temporary.replace(final)
    finally:
        for temporary in staged.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in new:
                folder.rmdir()  # fails if it is not empty
    return verified.report


def _check_places(finals: list[Path]) -> None:
    for final in finals:
        if final.is_dir():
            raise InputError("the export would replace a folder", where=str(final), fix="name a file with --out")
    if len(set(finals)) < len(finals):
        fix = "choose another extension for --out"
        raise InputError("another file of the export would have the same name", where=str(finals[-1]), fix=fix)


def _check_ours(page: Path, begins: str) -> None:
    """Allow to replace an earlier export, recognized by the beginning of its page, and nothing else."""
    if not (page.is_file() and page.read_bytes().startswith(begins.encode())):
        fix = "move it away, or name another file with --out"
        raise InputError("the existing file is not an earlier export, or was changed", where=str(page), fix=fix)


def _check_unchanged(texts: Mapping[Path, str]) -> None:
    """Refuse to overwrite a configuration that the user has changed, or that is not of an earlier export."""
    for final, text in texts.items():
        if final.exists() and final.read_bytes() != text.encode():
            fix = "move it away, or name another file with --out"
            raise InputError("another configuration of that name exists", where=str(final), fix=fix)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn a failed write into an error for the user."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
        cause = system_error(error)
        if cause is None:
            raise
        kind = CodoError if cause.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else InputError
        fix = "free disk space, or choose another --out"
        raise kind(f"cannot write the export: {cause.strerror}", where=str(path), fix=fix) from error
