"""Rooms that carry the name of the function they are about, ``codo.export`` and ``codo.compare``, can be called.

Importing any module of such a room binds the name in ``codo`` to the room, over the function of the same name.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def make_callable(room: str, module: str) -> None:
    """Let a room be called as the function of the same name.

    Args:
        room: Its name, ``codo.export``.
        module: Where the function is, ``codo.export.write``; imported with the first call.
    """
    function = room.rpartition(".")[2]

    class Room(ModuleType):
        """A package that calls its function."""

        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return getattr(import_module(module), function)(*args, **kwargs)

    sys.modules[room].__class__ = Room
