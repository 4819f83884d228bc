"""Compilation where it is not plain."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from codo.core.jit import contiguous, kernel, kernel_folder


def test_a_kernel_that_cannot_be_cached_is_compiled_all_the_same() -> None:
    """Code without a file has no place for a cache, like a file in a read-only installation without a home."""
    namespace: dict[str, object] = {}
    exec("def add(a, b):\n    return a + b", namespace)
    add = kernel(namespace["add"])
    assert add(2, 3) == 5
    assert len(add.signatures) == 1


def test_ready_copies_only_what_must_be_copied() -> None:
    image = np.zeros((4, 5, 3), np.uint8)
    assert contiguous(image) is image
    image.flags.writeable = False
    for view in (image, np.zeros((4, 5, 3), np.uint8)[::2], np.asfortranarray(np.zeros((4, 5, 3), np.uint8))):
        made = contiguous(view)
        assert made.flags.c_contiguous
        assert made.flags.writeable
        np.testing.assert_array_equal(made, view)


def test_a_kernel_without_a_place_goes_to_the_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files stand where its folders would be, next to the source and at home: read-only for root, too."""
    (tmp_path / "__pycache__").write_text("")
    (tmp_path / "module.py").write_text("def twice(a):\n    return 2 * a\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "__pycache__"))
    monkeypatch.setenv("HOME", str(tmp_path / "__pycache__"))
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "cache"))
    twice = runpy.run_path(str(tmp_path / "module.py"))["twice"]
    compiled = kernel(twice)
    assert str(kernel_folder(compiled)).startswith(str(tmp_path / "cache" / "kernels"))
    assert compiled(21) == 42
    assert list((tmp_path / "cache" / "kernels").rglob("*.nbi"))
    config: Any = numba.config
    assert not config.CACHE_DIR  # kernels of other programs stay where they are
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "__pycache__"))  # not there either
    compiled = kernel(twice)
    assert kernel_folder(compiled) is None
    assert compiled(21) == 42


def test_a_change_in_another_file_is_noticed(tmp_path: Path) -> None:
    """Numba alone would go on with the kernel that it has kept: `kernel.py` is the same."""
    package = tmp_path / "mine"
    package.mkdir()
    (package / "kernel.py").write_text(
        "from codo.core import jit\nimport other, pathlib\njit.PACKAGE = pathlib.Path(__file__).parents[1]\n"
        "@jit.kernel\ndef twice(a):\n    return other.half(4 * a)\n"
        "print(twice(21), sum(twice.stats.cache_hits.values()))\n"
    )
    found = []
    for half in ("a / 2", "a / 2", "a / 4"):
        (package / "other.py").write_text(
            f"from codo.core.jit import shared\n@shared\ndef half(a):\n    return {half}\n"
        )
        command = [sys.executable, "-B", "kernel.py"]
        ran = subprocess.run(command, cwd=package, capture_output=True, text=True, check=True)
        found.append(ran.stdout.split())
    assert found == [["42.0", "0"], ["42.0", "1"], ["21.0", "0"]]
