"""Reading the tensors of a weight file of any common format, or of a run, without executing code from the file.

Three formats are supported: safetensors; files of ``torch.save``, in its zip format or the older one; and pickles of
numpy arrays, as Detectron2 writes them. They are recognized by their first bytes, not by their names, which downloads
and caches change. Keys of nested dictionaries are joined by dots: ``state_dict.module.encoder_q.conv1.weight``.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from codo.core.errors import DAMAGE, InputError, first_line
from codo.core.pickles import read_arrays
from codo.core.run import is_run, open_run

_ZIP = b"PK\x03\x04"
_TORCH_1_5 = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""First bytes of files of torch.save up to 1.5: torch's magic number as a pickle of protocol 2."""
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_CAUSE = re.compile(r"WeightsUnpickler error: (.+)")
_KINDS = "give a state dict saved by torch.save, a .safetensors file, or a .pkl of Detectron2"
_AGAIN = "copy or download it again"


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read every tensor of a weight file, or of the newest undamaged checkpoint of a run.

    Args:
        path: File, run directory, or folder made for a model hub.

    Raises:
        InputError: The file does not exist or is not readable, or it holds objects that could execute code.
    """
    if is_run(path):
        return _read_run(path)
    path = in_folder(path)
    if not path.is_file():
        what = f"neither a run nor weights in the folder {path}" if path.is_dir() else f"no such weight file: {path}"
        raise InputError(what, where="weights", fix="give an existing file, a run directory, imagenet or none")
    start = _start(path)
    if start.startswith(_ZIP):
        if not whole(path):
            raise InputError("the weight file is cut off, damaged or compressed", where=str(path), fix=_AGAIN)
        return _read_torch(path)
    if start.startswith(_TORCH_1_5):
        return _read_torch(path)
    if start[8:9] == b"{":  # a JSON header, after its length
        return _read_safetensors(path)
    if start.startswith(b"\x80") or (start and path.suffix in (".pkl", ".pickle")):  # protocols 0 and 1 have no mark
        return dict(_flatten(read_arrays(path)))
    first_bytes = start.decode("ascii", "replace").split("\n")[0]
    what = f"it begins with {first_bytes!r}, which is no known format" if start else "it is empty"
    raise InputError(f"cannot read the weight file: {what}", where=str(path), fix=_KINDS if start else _AGAIN)


def in_folder(path: Path) -> Path:
    """The weight file in a folder made for a model hub (``codo export --to hub``); for other paths ``path`` itself."""
    return path / "model.safetensors" if (path / "model.safetensors").is_file() else path


def header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file; empty for other formats and for files that cannot be read."""
    from safetensors import SafetensorError, safe_open

    file_path = in_folder(path)
    if not file_path.is_file() or _start(file_path)[8:9] != b"{":
        return {}
    try:
        with safe_open(file_path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}  # reading the tensors raises the error


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as handle:
            return handle.read(40)
    except OSError as error:
        what = f"cannot read the weight file: {error.strerror}"
        raise InputError(what, where=str(path), fix="check its permissions") from error


def _read_run(path: Path) -> dict[str, Tensor]:
    run, best = open_run(path), path / "exports" / "detector.safetensors"
    if run.config.get("early_stop") is not None and best.is_file():
        return _read_safetensors(best)
    files = run.checkpoints()
    for file in reversed(files):
        if whole(file):  # otherwise a crash damaged it: try the one before
            return _read_torch(file)
    if files:
        raise InputError("all checkpoints of the run are damaged", where=str(path), fix="give another run")
    raise InputError("the run has no checkpoint yet", where=str(path), fix="let it train for a while")


def whole(path: Path) -> bool:
    """Whether a zip archive is complete and all its checksums are right; torch.load does not check them.

    Records must be stored, as torch.save writes them: compressed ones may be of any size.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return are_stored(archive) and archive.testzip() is None
    except (zipfile.BadZipFile, OSError, *DAMAGE):
        return False


def are_stored(archive: zipfile.ZipFile) -> bool:
    """Whether the records of an archive are not compressed, so that reading them takes no more than the file has."""
    return all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the weight file: {error}", where=str(path), fix=_AGAIN) from error
    return tensors


def _read_torch(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as handle:  # given a path, newer versions of torch go by its suffix
            return dict(_flatten(torch.load(handle, map_location="cpu", weights_only=True)))
    except Exception as error:  # torch.load alone raises seven kinds of exceptions
        if refused := _GLOBAL.search(str(error)):
            what = f"the weight file also holds a {refused[1]}; CoDo opens nothing that could execute code"
            fix = (
                f"if you trust it, save only its tensors: saved = torch.load('{path.name}', weights_only=False), then "
                "torch.save(saved['state_dict'], 'weights.pth'), or saved.state_dict() of a whole model"
            )
            raise InputError(what, where=str(path), fix=fix) from error
        # torch's message advises to load the file without weights_only, so it is not passed on.
        cause = _CAUSE.search(str(error))
        reason = cause[1] if cause else first_line(error)
        raise InputError(f"cannot read the weight file: {reason[:200]}", where=str(path), fix=_KINDS) from error


def _flatten(values: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(values, np.ndarray):
        values = torch.from_numpy(values)
    if isinstance(values, Tensor):
        yield prefix, values
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from _flatten(value, f"{prefix}.{key}" if prefix else str(key))
