"""``codo export``: the trunk of a run as a file for other tools.

A file counts as written only after the model it is for was rebuilt from it and gave the same numbers. Beside it lies a
page of the same name, ``.md``, with the code that loads it, the load report and where the weights come from; some
targets add configurations. All files of an export appear together: weights last, so that they never lack their page.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import get_args

from codo.core.errors import CodoError, InputError, nearest, system_error
from codo.core.io import flush_to_disk, temporary_path
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
"""The targets by name. A new one is a file and a line here."""


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
        out: File to write (a folder for ``hub``); by default one in the run's ``exports/``.
        model: The detector that the file is for: ``mask_rcnn``, ``faster_rcnn``, ``retinanet`` or ``fcos``; the last
            two with torchvision only.
        encoder: ``query``, the trained one, or ``key``, its momentum copy.

    Returns:
        The file, or the folder. How to load it is in the page beside it, of the same name ending in ``.md``.

    Raises:
        InputError: Unknown target, detector or encoder, one that does not go with the run, not a pretraining run, no
            checkpoint, or no place to write to.
        CodoError: The rebuilt model differs from the trunk; no file is left.

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
    """Write a trunk, rebuild it from the file and compare, then put all files in their places.

    Args:
        trunk: What to write.
        target: What for.
        path: The file, or the folder of a target that writes one.
        origin: Where the weights come from, for the page.

    Returns:
        What of the file matched the model it is for.

    Raises:
        InputError: ``path`` cannot be written to, or the target has no place for this trunk.
        CodoError: The disk is full, or the rebuilt model lacks something of the trunk or computes something else.
    """
    target.state(trunk)  # refuses a trunk that it has no place for
    weights = target.weights(path)
    texts = {weights.with_name(name): text for name, text in target.companions(trunk, weights.name).items()}
    page = weights.with_name(target.page_name(weights))
    _check_places([*texts, page, weights])
    if page.exists() or weights.exists():
        _check_ours(page, heading(trunk, target, weights.name))
    if target.editable:
        _check_unchanged(texts)
    # The ending stays: readers tell formats by it.
    staged = {final: temporary_path(final, ending=final.suffix) for final in (*texts, page, weights)}
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
                folder.rmdir()  # refuses where anything lies in it
    return verified.report


def _check_places(finals: list[Path]) -> None:
    for final in finals:
        if final.is_dir():
            raise InputError("the export would replace a folder", where=str(final), fix="name a file with --out")
    if len(set(finals)) < len(finals):
        fix = "choose another ending for --out"
        raise InputError("a file beside the weights would have their name", where=str(finals[-1]), fix=fix)


def _check_ours(page: Path, begins: str) -> None:
    """Replace an earlier export and nothing else: it is known by the beginning of its page."""
    if not (page.is_file() and page.read_bytes().startswith(begins.encode())):
        fix = "move it away, or name another file with --out"
        raise InputError("what is there is no earlier export, or was changed", where=str(page), fix=fix)


def _check_unchanged(texts: Mapping[Path, str]) -> None:
    """Keep a configuration that the user has changed, or that is not ours."""
    for final, text in texts.items():
        if final.exists() and final.read_bytes() != text.encode():
            fix = "move it away, or name another file with --out"
            raise InputError("there is another configuration of that name", where=str(final), fix=fix)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what a failed write means for the user."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch turns a failed write into a RuntimeError
        found = system_error(error)
        if found is None:
            raise
        kind = CodoError if found.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else InputError
        fix = "free some space, or choose another --out"
        raise kind(f"cannot write the export: {found.strerror}", where=str(path), fix=fix) from error
