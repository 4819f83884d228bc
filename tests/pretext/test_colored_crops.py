"""Gray images are found, whatever they are made of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from codo.core.errors import InputError
from codo.pretext.colorization import Colorization
from codo.views.lazy_image import Image
from tests.pretext.pictures import dataset, noise


def gray(count: int, quality: int | None = None) -> list[Image]:
    """Smooth gray pictures with three equal channels, or after JPEG."""
    rng = np.random.default_rng(0)
    made = [
        cv2.resize(rng.integers(0, 256, (6, 6), dtype=np.uint8), (64, 64))[..., None].repeat(3, 2) for _ in range(count)
    ]
    if quality is None:
        return made
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    return [cv2.imdecode(cv2.imencode(".jpg", one, flags)[1], cv2.IMREAD_COLOR) for one in made]


@pytest.mark.parametrize("quality", [None, 95, 30])
def test_gray_images_alone_are_refused(quality: int | None) -> None:
    with pytest.raises(InputError, match="there are no colors to learn: 5 of 5 images that were looked at are gray"):
        dataset(Colorization, gray(5, quality)).check_images()


def test_mostly_gray_images_are_told() -> None:
    (warning,) = dataset(Colorization, gray(3) + noise(2, 64, 64)).check_images()
    assert warning.startswith("3 of 5 images that were looked at are gray")
    assert dataset(Colorization, gray(2) + noise(2, 64, 64)).check_images() == []


def test_a_patch_of_color_is_enough() -> None:
    picture = gray(1)[0]
    picture[:12, :12] = (200, 60, 60)
    assert dataset(Colorization, [picture]).check_images() == []


def test_samples_are_spread_over_all() -> None:
    made = dataset(Colorization, noise(10, 8, 8))
    assert made.spread(4).tolist() == [0, 2, 5, 7]
    assert made.spread(99).tolist() == list(range(10))
