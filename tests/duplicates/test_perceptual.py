"""Copies of a picture have nearly its hash and are alike; other pictures, crops and mirror images are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from codo.duplicates.perceptual import BITS, NOTHING, alike, candidates, perceptual_hash, thumbnail
from tests.duplicates.pictures import cropped, jpeg, photograph, png, resized


def bits(a: bytes, b: bytes) -> int:
    return int(np.bitwise_count(perceptual_hash(thumbnail(a)) ^ perceptual_hash(thumbnail(b))))


@pytest.mark.parametrize("number", range(4))
def test_copies_are_found(number: int) -> None:
    pixels = photograph(number)
    original = jpeg(pixels)
    for copy in (jpeg(pixels, 60), jpeg(resized(pixels, 0.5)), png(pixels), jpeg(resized(pixels, 2), 60)):
        assert bits(original, copy) <= BITS
        assert alike(thumbnail(original), thumbnail(copy))


@pytest.mark.parametrize("number", range(4))
def test_near_neighbors_are_other_pictures(number: int) -> None:
    pixels = photograph(number)
    original = thumbnail(jpeg(pixels))
    others = [cropped(pixels, 0.8), pixels[:, ::-1], pixels[::-1], photograph(number + 10), 255 - pixels]
    assert not any(alike(original, thumbnail(jpeg(other))) for other in others)
    assert min(bits(jpeg(pixels), jpeg(other)) for other in others[1:]) > BITS


def test_the_hash_by_hand() -> None:
    """One frequency alone: of 63 bits only its own is above the median, and the highest bit says that there is one."""
    wave = np.cos(np.pi * 3 * (np.arange(32) + 0.5) / 32)
    small = np.round(128 + 100 * np.tile(wave, (32, 1))).astype(np.uint8)
    value = int(perceptual_hash(small))
    assert value >> 63 == 1
    assert value >> 2 & 1 == 1  # frequencies 1, 2, 3 of the first row are bits 0, 1, 2


def test_nothing_to_see_has_no_hash() -> None:
    assert perceptual_hash(np.full((32, 32), 200, np.uint8)) == NOTHING
    assert perceptual_hash(thumbnail(b"no image")) == perceptual_hash(thumbnail(b"")) == NOTHING
    flat = np.full((32, 32), 7, np.uint8)
    assert not alike(flat, flat)
    assert not alike(None, flat)


def test_a_turned_photograph_is_compared_upright() -> None:
    pixels = photograph(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.fromarray(np.rot90(pixels[:, :, ::-1]).copy()).save(file, "JPEG", exif=exif, quality=95)
    assert alike(thumbnail(jpeg(pixels)), thumbnail(file.getvalue()))


def test_candidates_by_hand() -> None:
    top = 1 << 63
    own = np.array([top, 0, top | 0b111], np.uint64)
    others = np.array([top | 0b1111_1111_111, top | 0b1, 0, top], np.uint64)
    # From the first: 11, 1, 1 (nothing to see) and 0 bits; the second has no hash and is not compared.
    assert candidates(own, others)[0] == [3, 1, 2]
    assert candidates(own, others)[2] == [1, 3, 2, 0]
    assert list(candidates(own, others)) == [0, 2]
