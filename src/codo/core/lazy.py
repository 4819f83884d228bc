"""Public names of a package that are imported when they are first used.

``import codo`` and ``codo --help`` must not load torch, yet ``from codo.models import Encoder`` should work as in any
library. A package lists the modules of its public names, once for the interpreter and once for type checkers::

    if TYPE_CHECKING:
        from codo.proposals.selective_search import selective_search as selective_search
    else:
        __getattr__, __dir__, __all__ = lazy_exports(__name__, {"selective_search": "selective_search"})

``tests/core/test_lazy.py`` checks that the two lists agree.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

from codo.core.interpreter import importing


class _Package(ModuleType):
    """A package in which a public name has priority over a submodule of the same name.

    Importing ``codo.proposals.selective_search`` makes Python bind that module in ``codo.proposals``. Whether
    ``from codo.proposals import selective_search`` gives the module or the function would then depend on earlier
    imports. This class always keeps the function; imports still find the module in `sys.modules`.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in self.__dict__.get("__all__", ()):
            return
        super().__setattr__(name, value)


def lazy_exports(
    package: str, names: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` for a package that imports its public names on first use.

    Args:
        package: ``__name__`` of the package.
        names: Public name -> the module that defines it, relative to the package (``encoder``, ``coco.read``).

    Returns:
        ``__getattr__``, ``__dir__`` and ``__all__`` of the package.

    Example:
        >>> from codo.core.lazy import lazy_exports
        >>> get, _, public = lazy_exports("codo.core", {"nearest": "errors"})
        >>> public, get("nearest").__module__
        (['nearest'], 'codo.core.errors')
    """
    module = sys.modules[package]
    module.__class__ = _Package

    def get(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        with importing():
            value = getattr(import_module(f"{package}.{names[name]}"), name)
        module.__dict__[name] = value  # later lookups do not come here
        return value

    def listing() -> list[str]:
        return sorted({*module.__dict__, *names})

    return get, listing, sorted(names)
