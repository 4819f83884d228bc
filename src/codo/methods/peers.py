"""Heads and losses of image-level methods come from ``lightly`` (MIT), an optional dependency: the extra ``peers``."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from codo.errors import InputError


def lightly(module: str) -> Any:
    """A module of lightly, such as ``loss`` or ``models.modules.heads``.

    Raises:
        InputError: lightly is not installed.
    """
    try:
        return import_module(f"lightly.{module}")
    except ImportError as error:
        raise InputError("lightly is not installed", where="method", fix="pip install 'codo-detect[peers]'") from error
