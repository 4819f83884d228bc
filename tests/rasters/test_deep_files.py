"""Files of more than 8 bits that Pillow opens: alpha, missing values, and values that it has no mode for."""

from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from codo.catalog.decode import Limits, decode, decode_checked
from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import Depth
from tests.catalog.pictures import encode
from tests.rasters.files import tiff


def ramp(low: float, high: float, kind: type = np.uint16) -> np.ndarray:
    return np.linspace(low, high, 40 * 40).reshape(40, 40).astype(kind)


def color_png(values: np.ndarray) -> bytes:
    """A 16 bit RGB PNG."""
    return bytes(cv2.imencode(".png", values[:, :, ::-1])[1])


def gray_alpha_png(values: np.ndarray, alpha: np.ndarray) -> bytes:
    """A 16 bit PNG of gray values with alpha, which neither Pillow nor OpenCV write."""
    height, width = values.shape
    rows = np.dstack([values, alpha]).astype(">u2").reshape(height, -1).view(np.uint8)
    pixels = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()  # no filter in any row
    header = struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + zlib.compress(pixels), b"IEND")
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize("rules", [PixelRules(), PixelRules((0, 8191)), PixelRules("minmax")])
def test_gray_with_alpha_is_gray_over_white(rules: PixelRules) -> None:
    values = ramp(0, 4095)
    gray = decode_checked(encode(Image.fromarray(values), "PNG"), Limits(), rules)
    opaque = decode_checked(gray_alpha_png(values, np.full_like(values, 65535)), Limits(), rules)
    assert np.array_equal(opaque.image, gray.image)
    assert opaque.depth == gray.depth
    alpha = np.full_like(values, 65535)
    alpha[:5] = 0
    values[:5] = 60000  # which nobody sees
    seen = decode_checked(gray_alpha_png(values, alpha), Limits(), rules)
    assert (seen.image[:5] == 255).all()
    assert seen.image[5:].max() == (127 if rules.value_range == (0, 8191) else 255)


def test_color_of_16_bits() -> None:
    values = np.dstack([ramp(0, 4095), ramp(4095, 0), ramp(1000, 1000)])
    assert decode(color_png(values)).max() == 15  # the upper byte, as before
    image = decode(color_png(values), rules=PixelRules((0, 4095)))
    assert np.array_equal(image, np.rint(values.astype(float) * 255 / 4095))
    assert decode_checked(color_png(values), Limits()).depth == Depth(0, 15 * 257, 65535, 15 / 255)


def test_alpha_of_16_bits_is_over_white_whatever_the_range() -> None:
    """Colors that nobody sees are no part of a range."""
    values = np.dstack([ramp(1000, 3000)] * 3 + [np.full((40, 40), 65535, np.uint16)])
    values[:5] = (9, 60000, 9, 0)
    data = bytes(cv2.imencode(".png", values[:, :, [2, 1, 0, 3]])[1])
    for rules in (PixelRules(), PixelRules("minmax"), PixelRules((0, 4095))):
        decoded = decode_checked(data, Limits(), rules)
        assert (decoded.image[:5] == 255).all()
    low, high = values[5:, :, 0].min(), values[5:, :, 0].max()
    decoded = decode_checked(data, Limits(), PixelRules("minmax"))
    assert (decoded.image[5:].min(), decoded.image[5:].max()) == (0, 255)
    assert decoded.depth == Depth(low, high, 0, 1)


def test_missing_values_of_16_bit_color() -> None:
    values = np.dstack([ramp(1000, 3000)] * 3)
    values[:5] = 65535
    for data, rules in (
        (color_png(values), PixelRules("minmax", nodata=65535)),
        (tiff(values, photometric="rgb", nodata="65535"), PixelRules("minmax")),
    ):
        image = decode(data, rules=rules)
        assert (image[:5] == 0).all()
        assert (image[5:].min(), image[5:].max()) == (0, 255)
    assert (decode(color_png(values), rules=PixelRules(nodata=65535))[:5] == 0).all()


def test_unsigned_values_of_32_bits() -> None:
    values = np.linspace(0, 4e9, 1600).reshape(40, 40).astype(np.uint32)
    decoded = decode_checked(tiff(values), Limits())
    assert decoded.depth == Depth(0, 4e9, 0, 1)
    assert (np.diff(decoded.image[:, :, 0].ravel().astype(int)) >= 0).all()


def test_inverted_gray_of_16_bits() -> None:
    values = ramp(0, 65535)
    image = decode(encode(values, "TIFF", tiffinfo={262: 0}))
    assert np.array_equal(image, 255 - decode(encode(values, "TIFF")))
