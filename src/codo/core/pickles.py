"""Reading pickled numpy arrays without trusting the file: the ``.pkl`` files of Detectron2 (docs/method.md#export).

A pickle is a program that may call any function by name. This reader only accepts the names that numpy arrays and plain
containers need, and maps each to its own replacement: what looks like a call into numpy only ever becomes
``numpy.frombuffer`` on bytes of the file, with a numeric dtype. Any other name raises an error before it is imported.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from codo.core.errors import InputError, first_line

_DTYPE = re.compile(r"[<>|=]?([fiu][1248]|b1)")
_FIX = "if you trust it, load it yourself and save its tensors with torch.save or as .safetensors"


class _Refused(pickle.UnpicklingError):
    """The pickle refers to something that is not allowed."""


class _Dtype:
    """``numpy.dtype``: a numeric type, whose byte order is set afterwards."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not _DTYPE.fullmatch(code):
            raise _Refused(f"an array of type {code!r:.40}")
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.value = self.value.newbyteorder(state[1])


class _Array:
    """``numpy.ndarray``: created from shape, dtype and data (as in our exports), or empty until its state is set."""

    value: np.ndarray

    def __init__(self, *args: Any) -> None:
        if args:
            shape, code, data = args
            self.value = _array(data, _Dtype(code), shape).value

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self.value = _array(data, dtype, shape, "F" if fortran else "C").value


def _array(data: bytes | bytearray | str, dtype: _Dtype, shape: tuple[int, ...], order: str = "C") -> _Array:
    """``numpy.core.numeric._frombuffer``, and all other ways to create an array."""
    array = _Array()
    if not isinstance(dtype, _Dtype) or order not in ("C", "F"):
        raise _Refused("an array that numpy does not write")
    raw = data.encode("latin1") if isinstance(data, str) else data  # Python 2 wrote bytes as text
    flat = np.frombuffer(raw, dtype.value).astype(dtype.value.newbyteorder("="))
    array.value = flat.reshape(shape, order="F" if order == "F" else "C")
    return array


def _reconstruct(*_: object) -> _Array:
    """``numpy.core.multiarray._reconstruct``."""
    return _Array()


def _scalar(dtype: _Dtype, data: bytes | str) -> _Array:
    """``numpy.core.multiarray.scalar``."""
    return _array(data, dtype, ())


def _encode(text: str, encoding: str) -> bytes:
    """``_codecs.encode``: how protocol 2 writes bytes."""
    if encoding not in ("latin1", "latin-1"):
        raise _Refused(f"text in {encoding!r:.40}")
    return text.encode("latin1")


def _empty() -> bytes:
    """``bytes()``: how protocol 2 writes empty bytes."""
    return b""


_KNOWN: Mapping[tuple[str, str], Callable[..., object]] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _encode,
    ("__builtin__", "bytes"): _empty,
    ("builtins", "bytes"): _empty,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): _Array,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _array,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """The replacement of a name."""
        key = (module.replace("numpy._core", "numpy.core"), name)  # renamed by numpy 2
        if key not in _KNOWN:
            raise _Refused(f"{module}.{name}")
        return _KNOWN[key]


def read_arrays(path: Path) -> Any:
    """Read a pickle of numpy arrays in plain containers.

    Returns:
        What was pickled, each array as a `numpy.ndarray`.

    Raises:
        InputError: The file is not a pickle, or refers to anything else; the message names it.
    """
    try:
        with path.open("rb") as handle:
            return _unpack(_Reader(handle, encoding="latin1").load())
    except _Refused as error:
        raise InputError(
            f"the pickle contains {error}; CoDo reads only arrays of numbers from pickles",
            where=str(path),
            fix=_FIX,
        ) from error
    except Exception as error:  # damaged bytes raise nearly anything
        raise InputError(f"cannot read the pickle: {first_line(error)[:200]}", where=str(path), fix=_FIX) from error


def _unpack(value: Any) -> Any:
    if isinstance(value, _Array):
        return value.value
    if isinstance(value, Mapping):
        return {key: _unpack(inner) for key, inner in value.items()}
    return value
