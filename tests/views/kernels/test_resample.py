"""Held against Pillow's antialiased bilinear filter, which rounds after each of its two passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PILImage

from codo.views.kernels.color import coded
from codo.views.kernels.resample import resample, weigh
from codo.views.photometric import Photometric

UNCHANGED = coded(Photometric().numbers())


def resized(image: np.ndarray, width: int, height: int, flip: bool = False) -> np.ndarray:
    """The whole image at another size, float32 ``(h, w, 3)``."""
    planes = np.full((height, 3, width), np.nan, np.float32)
    resample(image, (0, 0, image.shape[1], image.shape[0]), flip, planes, *UNCHANGED, False)
    return planes.transpose(0, 2, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 90), st.integers(1, 90), st.integers(1, 70), st.integers(1, 70), st.integers(0, 1000), st.booleans()
)
def test_equals_pillow(width: int, height: int, w: int, h: int, seed: int, flip: bool) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    expected = np.asarray(PILImage.fromarray(image).resize((w, h), PILImage.Resampling.BILINEAR)).astype(float)
    got = resized(image, w, h, flip)
    assert np.abs((got[:, ::-1] if flip else got) - expected).max() <= 1.01


@pytest.mark.parametrize(("source", "result"), [(10, 10), (10, 25), (25, 10), (100, 3), (1, 7), (7, 1), (375, 224)])
def test_weights_sum_to_one_and_stay_inside(source: int, result: int) -> None:
    first, weights = weigh(source, result)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert (weights >= 0).all()
    used = first[:, None] + np.arange(weights.shape[1])
    assert (first >= 0).all()
    assert (used[weights > 0] < source).all()


def test_same_size_is_a_copy() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    assert np.array_equal(resized(image, 13, 9), image)


def test_a_part_equals_the_part_cut_out() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    planes = np.empty((31, 3, 27), np.float32)
    resample(image, (11, 7, 71, 50), False, planes, *UNCHANGED, False)
    assert np.array_equal(planes.transpose(0, 2, 1), resized(np.ascontiguousarray(image[7:50, 11:71]), 27, 31))
