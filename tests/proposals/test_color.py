"""Color spaces: known colors by hand, all else against floating-point textbook formulas."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from codo.proposals.color import COLOR_SPACES, LINEAR, ROOT, hsv, lab, rgi

RANDOM = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)


def pixel(r: int, g: int, b: int) -> np.ndarray:
    return np.array([[[r, g, b]]], np.uint8)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0, 0, 0), (0, 0, 0)),
        ((255, 255, 255), (0, 0, 255)),
        ((255, 0, 0), (0, 255, 255)),
        ((255, 255, 0), (30, 255, 255)),
        ((0, 255, 0), (60, 255, 255)),
        ((0, 0, 255), (120, 255, 255)),
        ((255, 0, 1), (0, 255, 255)),  # just below a full turn wraps to 0, not to 180
        ((200, 100, 100), (0, 128, 200)),  # 127.5 rounds up
    ],
)
def test_hsv_of_known_colors(rgb: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    assert tuple(hsv(pixel(*rgb))[:, 0, 0]) == expected


def test_hsv_against_the_standard_library() -> None:
    expected = np.array([[colorsys.rgb_to_hsv(*(p / 255)) for p in row] for row in RANDOM]) * [180, 255, 255]
    difference = np.abs(hsv(RANDOM).transpose(1, 2, 0) - expected)
    difference[..., 0] = np.minimum(difference[..., 0], 180 - difference[..., 0])
    assert difference.max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [((0, 0, 0), (0, 128, 128)), ((255, 255, 255), (255, 128, 128)), ((255, 0, 0), (136, 208, 195))],
)
def test_lab_of_known_colors(rgb: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    np.testing.assert_allclose(lab(pixel(*rgb))[:, 0, 0], expected, atol=1)


def test_gray_has_no_color_in_lab() -> None:
    gray = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    planes = lab(gray)
    assert (planes[1:] == 128).all()
    assert (np.diff(planes[0, 0].astype(int)) >= 0).all()


def test_lab_against_floating_point() -> None:
    v = RANDOM / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(
        [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    ).T / [0.950456, 1.0, 1.088754]  # fmt: skip
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    expected = np.stack(
        [(116 * f[..., 1] - 16) * 2.55, 500 * (f[..., 0] - f[..., 1]) + 128, 200 * (f[..., 1] - f[..., 2]) + 128]
    )
    difference = np.abs(lab(RANDOM) - expected)
    assert difference.mean() < 0.4
    assert difference.max() < 4  # only in the darkest pixels, where 12 bits of linear light are few


def test_rgi_by_hand() -> None:
    assert tuple(rgi(pixel(0, 0, 0))[:, 0, 0]) == (85, 85, 0)
    assert tuple(rgi(pixel(90, 90, 90))[:, 0, 0]) == (85, 85, 90)
    assert tuple(rgi(pixel(100, 50, 50))[:, 0, 0]) == (127, 63, 67)  # 255/2, 255/4, 200/3 = 66.7


def test_single_planes_are_those_of_the_full_spaces() -> None:
    np.testing.assert_array_equal(COLOR_SPACES["hue"](RANDOM), hsv(RANDOM)[:1])
    np.testing.assert_array_equal(COLOR_SPACES["intensity"](RANDOM), rgi(RANDOM)[2:])


def test_tables_do_not_depend_on_the_last_bit_of_a_maths_library() -> None:
    """No entry lies so near a rounding boundary that another power or cube root could move it."""
    v = np.arange(256) / 255
    linear = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4) * 4095
    t = np.arange(4096) / 4095
    root = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29) * 2**14
    for exact, table in ((linear, LINEAR), (root, ROOT)):
        assert np.abs(np.abs(exact - np.floor(exact)) - 0.5).min() > 1e-6
        np.testing.assert_array_equal(np.floor(exact + 0.5), table)
