"""The blur against OpenCV's, with the same kernel size and the same mirrored border."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from codo.views.kernels.blur import gaussian, mirrored, write
from codo.views.kernels.color import CODES

NOISE = np.random.default_rng(0).integers(0, 256, (24, 37, 3), dtype=np.uint8)
NOTHING = (np.empty(0, np.int32), np.empty(0, np.float32), np.float32(0))


def planes(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(image.transpose(0, 2, 1)).astype(np.float32)


def blurred(image: npt.NDArray[np.uint8], sigma: float) -> npt.NDArray[np.uint8]:
    """A picture blurred into the corner of a canvas."""
    height, width, _ = image.shape
    canvas = np.zeros((max(height, width),) * 2 + (3,), np.uint8)
    write(planes(image), *NOTHING, sigma, canvas, 0, 0)
    return canvas[:height, :width]


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 1.7, 2.0])
def test_equals_opencv(sigma: float) -> None:
    side = 2 * int(np.ceil(3 * sigma)) + 1
    expected = cv2.GaussianBlur(NOISE.astype(np.float32), (side, side), sigma, borderType=cv2.BORDER_REFLECT_101)
    # Half a level is what rounding costs.
    assert np.abs(blurred(NOISE, sigma) - expected).max() <= 0.51


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 3)])
def test_pictures_smaller_than_the_kernel(shape: tuple[int, int]) -> None:
    """The border is mirrored again and again; on a single row or column it repeats."""
    image = NOISE[: shape[0], : shape[1]]
    reach = 6
    padded = np.pad(image.astype(np.float32), ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    expected = cv2.GaussianBlur(padded, (13, 13), 2.0, borderType=cv2.BORDER_ISOLATED)[reach:-reach, reach:-reach]
    assert np.abs(blurred(image, 2.0) - expected).max() <= 0.51


@pytest.mark.parametrize("sigma", [0.1, 0.4, 1.0, 2.0, 5.0])
def test_weights_of_all_pixels_sum_to_one_and_fall_with_distance(sigma: float) -> None:
    weights = gaussian(sigma)
    assert weights[0] + 2 * weights[1:].sum() == pytest.approx(1, abs=1e-6)
    assert (np.diff(weights) <= 0).all()
    assert (len(weights) - 1) % 2 == 0
    ceiling = int(np.ceil(3 * sigma))
    assert (weights[ceiling + 1 :] == 0).all()
    assert weights[1] / weights[0] == pytest.approx(np.exp(-0.5 / sigma**2), rel=1e-4, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_mirrored_places_are_those_of_numpy(n: int) -> None:
    expected = np.pad(np.arange(n), 10, mode="reflect")
    assert [mirrored(i, n) for i in range(-10, n + 10)] == expected.tolist()


def test_what_is_flat_stays_flat_and_without_sigma_nothing_is_blurred() -> None:
    flat = np.full((9, 14, 3), (10, 128, 255), np.uint8)
    assert np.array_equal(blurred(flat, 2.0), flat)
    assert np.array_equal(blurred(NOISE, 0.0), NOISE)


@pytest.mark.parametrize("sigma", [0.0, 1.5])
def test_only_its_place_on_the_canvas_is_written_and_colors_come_before_the_blur(sigma: float) -> None:
    canvas = np.full((60, 60, 3), 7, np.uint8)
    half = np.array([CODES["brightness"]], np.int32), np.array([0.5], np.float32), np.float32(0)
    write(planes(NOISE), *half, sigma, canvas, 11, 20)
    expected = np.zeros((37, 37, 3), np.uint8)
    write(planes(NOISE) / 2, *NOTHING, sigma, expected, 0, 0)
    assert np.array_equal(canvas[20 : 20 + 24, 11 : 11 + 37], expected[:24])
    canvas[20 : 20 + 24, 11 : 11 + 37] = 7
    assert (canvas == 7).all()
