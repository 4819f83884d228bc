"""Color steps against torchvision's float functions, in levels of 0..255."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as PILImage
from PIL import ImageStat
from torchvision.transforms import functional as reference

from codo.views.kernels.color import CODES, before_contrast, change, contrast_offset, sum_of_gray

ROWS = np.random.default_rng(0).integers(0, 256, (20, 3, 30)).astype(np.float32)  # (h, 3, w)
GRAYS = np.repeat(np.linspace(0, 255, 30, dtype=np.float32)[None, None], 3, axis=1)
Floats = npt.NDArray[np.float32]


def changed(rows: Floats, *steps: tuple[str, float], offset: float = 0.0) -> Floats:
    """A copy with steps applied row by row."""
    out = rows.copy()
    codes, amounts = np.array([CODES[name] for name, _ in steps], np.int32), np.array([x for _, x in steps], np.float32)
    for row in out:
        change(row, codes, amounts, np.float32(offset))
    return out


def by_torchvision(name: str, rows: Floats, *arguments: Any) -> Floats:
    """The same of float images in 0..1."""
    image = torch.from_numpy(rows).permute(1, 0, 2) / 255
    result: Floats = (getattr(reference, name)(image, *arguments) * 255).permute(1, 0, 2).numpy()
    return result


@pytest.mark.parametrize("factor", [0.0, 0.6, 1.0, 1.4, 3.0])
@pytest.mark.parametrize("name", ["brightness", "saturation"])
def test_factors_equal_torchvision(name: str, factor: float) -> None:
    expected = by_torchvision(f"adjust_{name}", ROWS, factor)
    assert np.abs(changed(ROWS, (name, factor)) - expected).max() < 0.06  # its luma has four digits


@pytest.mark.parametrize("turn", [-0.5, -0.1, -0.03, 0.0, 0.07, 0.25, 0.5])
def test_hue_equals_torchvision(turn: float) -> None:
    assert np.abs(changed(ROWS, ("hue", turn)) - by_torchvision("adjust_hue", ROWS, turn)).max() < 0.01
    assert np.array_equal(changed(GRAYS, ("hue", turn)), GRAYS)  # gray has no hue


def test_gray_equals_torchvision() -> None:
    assert np.abs(changed(ROWS, ("gray", 0)) - by_torchvision("rgb_to_grayscale", ROWS, 3)).max() < 0.06


@pytest.mark.parametrize("factor", [0.3, 1.0, 1.7])
def test_contrast_blends_with_pillows_mean_gray(factor: float) -> None:
    """Pillow's mean of the 8-bit gray, rounded; by another way to the sum."""
    gray = sum(sum_of_gray(row) for row in ROWS)
    image = PILImage.fromarray(ROWS.transpose(0, 2, 1).astype(np.uint8))
    mean = int(ImageStat.Stat(image.convert("L")).mean[0] + 0.5)
    offset = contrast_offset(gray, 20 * 30, np.float32(factor))
    assert offset == pytest.approx((1 - factor) * mean, abs=1e-4)
    expected = np.clip(factor * ROWS + (1 - factor) * mean, 0, 255)
    assert np.abs(changed(ROWS, ("contrast", factor), offset=offset) - expected).max() < 1e-3


def test_steps_are_applied_in_their_order_and_clamped_after_each() -> None:
    bright = np.full((1, 3, 4), 200, np.float32)
    assert (changed(bright, ("brightness", 2), ("brightness", 0.5)) == 127.5).all()  # 400 is cut to 255
    assert (changed(bright, ("brightness", 0.5), ("brightness", 2)) == 200).all()
    assert np.array_equal(changed(ROWS), ROWS)


def test_only_the_contrast_takes_the_offset() -> None:
    flat = np.full((1, 3, 4), 100, np.float32)
    assert (changed(flat, ("contrast", 0.5), offset=30) == 80).all()
    assert (changed(flat, ("brightness", 0.5), offset=30) == 50).all()


def test_the_sum_of_gray_does_not_depend_on_the_order() -> None:
    row = ROWS[0]
    shuffled = np.ascontiguousarray(row[:, np.random.default_rng(1).permutation(30)])
    by_hand = np.floor(0.299 * row[0] + 0.587 * row[1] + 0.114 * row[2] + 0.5).sum()
    assert sum_of_gray(row) == sum_of_gray(shuffled) == by_hand


@pytest.mark.parametrize(
    ("names", "expected"),
    [([], 0), (["contrast"], 0), (["hue", "gray"], 2), (["hue", "contrast", "gray"], 1)],
)
def test_steps_before_the_contrast_are_counted(names: list[str], expected: int) -> None:
    assert before_contrast(np.array([CODES[name] for name in names], np.int32)) == expected
