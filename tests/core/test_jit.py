"""Compilation where it is not plain."""

from __future__ import annotations

import numpy as np

from codo.core.jit import contiguous, kernel


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
