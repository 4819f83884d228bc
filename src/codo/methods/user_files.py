"""Methods in users' files: ``path/to/file.py:MyMethod``.

A file is imported as the module ``codo.methods.user_files.FILE``, where FILE is its quoted path. The module's name is
enough to find the file in any process, so its classes can be pickled and sent to loader workers with any start method.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from urllib.parse import quote, unquote

from codo.core.errors import InputError, class_and_line

__path__: list[str] = []  # allows submodules of this module; `_Finder` finds them


class _Finder(MetaPathFinder):
    """Finds the modules below this one by the path in their names."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        parent, _, file = name.rpartition(".")
        return spec_from_file_location(name, unquote(file)) if parent == __name__ else None


sys.meta_path.append(_Finder())


def load_file(path: Path) -> ModuleType:
    """The module in a file; the same module for the same file.

    Raises:
        InputError: There is no such file, or it fails.
    """
    if not path.is_file():
        raise InputError("no such file of a method", where=str(path), fix="check the path in method=")
    # Dots separate the names of modules, and `quote` does not escape them.
    file = quote(str(path.resolve()), safe="").replace(".", "%2E")
    try:
        return import_module(f"{__name__}.{file}")
    except Exception as error:
        what = f"the file of the method fails: {class_and_line(error)}"
        raise InputError(what, where=str(path), fix="correct it; python FILE shows the traceback") from error
