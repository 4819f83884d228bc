"""Parts of an image, decoded in full or only around the part."""

from __future__ import annotations

import numpy as np

from codo.views.lazy_image import Corners, Image, LazyImage

PIXELS = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)


def test_a_decoded_image_is_handed_over_as_it_is() -> None:
    image = LazyImage.from_array(PIXELS)
    assert (image.height, image.width) == (30, 40)
    assert image.decode() is PIXELS
    pixels, where = image.part((3, 5, 20, 25))
    assert pixels is PIXELS
    assert where == (3, 5, 20, 25)


def test_a_part_is_found_in_what_was_decoded_around_it() -> None:
    asked: list[Corners] = []

    def blocks_of_8(corners: Corners) -> tuple[Image, int, int]:
        """As a JPEG is decoded: from the block boundary before the part to the one after it."""
        asked.append(corners)
        left, top, right, bottom = corners
        x, y = left // 8 * 8, top // 8 * 8
        return np.ascontiguousarray(PIXELS[y : -(-bottom // 8) * 8, x : -(-right // 8) * 8]), x, y

    image = LazyImage(30, 40, blocks_of_8)
    assert asked == []  # nothing is decoded before it is looked at
    for corners in ((0, 0, 40, 30), (9, 17, 10, 18), (7, 8, 33, 30)):
        pixels, (x1, y1, x2, y2) = image.part(corners)
        left, top, right, bottom = corners
        assert np.array_equal(pixels[y1:y2, x1:x2], PIXELS[top:bottom, left:right])
    assert pixels.shape == (22, 40, 3)  # less than the whole
    assert np.array_equal(image.decode(), PIXELS)
    assert asked[-1] == (0, 0, 40, 30)
