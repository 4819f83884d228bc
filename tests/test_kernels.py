"""What compiled functions return, wherever they stand."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from inspect import getclosurevars, isfunction
from typing import Any, get_args, get_type_hints

import numba

from codo.core.jit import PACKAGE
from codo.loading.warm_up import load_kernels


def kernels() -> Iterator[Any]:
    """All functions that are compiled when Python calls them."""
    for file in sorted(PACKAGE.rglob("*.py")):
        if re.search(r"^@(kernel|drawn)$", file.read_text(encoding="utf-8"), re.MULTILINE):
            module = importlib.import_module(".".join(("codo", *file.relative_to(PACKAGE).with_suffix("").parts)))
            for value in vars(module).values():
                closed = getclosurevars(value).nonlocals if isfunction(value) else {}  # of `drawn`
                compiled = closed.get("compiled", value)
                if getattr(getattr(compiled, "py_func", None), "__module__", None) == module.__name__:
                    yield compiled


def has_named_tuple(kind: Any) -> bool:
    """Whether a type as it is written, or as it is compiled, has a named tuple in it."""
    named = hasattr(kind, "_fields") or isinstance(kind, numba.types.BaseNamedTuple)
    return named or any(map(has_named_tuple, (*get_args(kind), *getattr(kind, "types", ()))))


def test_kernels_return_no_named_tuples() -> None:
    """Numba would make them by Python code that a signal may interrupt; see `codo.core.jit`."""
    load_kernels()
    found = {one.py_func.__name__: one for one in kernels()}
    assert {"draw_numbers", "draw_image", "render", "group", "pool"} <= found.keys()
    (arguments,) = found["draw_numbers"].signatures
    assert any(map(has_named_tuple, arguments))  # they may be given
    for name, one in found.items():
        assert not has_named_tuple(get_type_hints(one.py_func).get("return")), name
        for compiled in one.overloads.values():
            assert not has_named_tuple(compiled.signature.return_type), name
