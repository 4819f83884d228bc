"""Which TIFFs are Pillow's, and that those it would misread have the right values."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from codo.catalog.decode import decode
from codo.models.pixel_rules import PixelRules
from codo.rasters.pillow_files import is_for_pillow, pillow_bands
from tests.catalog.pictures import encode, picture
from tests.rasters.files import bands, tiff

DEFLATED = {"tile": (16, 16), "compression": "zlib"}


def test_other_files_are_pillows_whatever_the_bands() -> None:
    rules = PixelRules(bands=(3, 2, 1))
    assert np.array_equal(decode(encode(picture(0), "PNG"), rules=rules), picture(0))
    assert np.array_equal(decode(encode(picture(0), "TIFF"), rules=rules), picture(0)[:, :, ::-1])
    palette = encode(Image.fromarray(picture(4)).quantize(16), "TIFF")
    assert is_for_pillow(palette, rules)
    assert np.array_equal(decode(palette, rules=rules), decode(palette))


def test_ordinary_files_are_pillows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # its limit, here passed by a small image
    for data in (
        tiff(bands(1)[:, :, 0], byteorder=">", **DEFLATED),
        tiff(bands(1, kind=np.int16)[:, :, 0], byteorder=">"),
        tiff(bands(3), photometric="rgb", **DEFLATED),
        tiff(bands(5, kind=np.uint8, top=250), photometric="rgb"),
        tiff(bands(4, kind=np.uint8, top=250), photometric="rgb", extrasamples=["unassalpha"], planar=True),
    ):
        assert is_for_pillow(data, PixelRules())
        assert not is_for_pillow(data, PixelRules(bands=(1,)))


@pytest.mark.parametrize("kind", [np.int16, np.int32, np.float32])
def test_big_endian_values_that_are_compressed(kind: type) -> None:
    """Libtiff swaps their bytes and Pillow does so again."""
    values = bands(1, kind=kind)[:, :, 0] - 2000
    little, big = (tiff(values, byteorder=order, **DEFLATED) for order in "<>")
    assert not is_for_pillow(big, PixelRules())
    assert np.array_equal(decode(big), decode(little))
    assert np.array_equal(decode(big)[:, :, 0], np.rint((values + 2000.0) * (255 / (values.max() + 2000.0))))


@pytest.mark.parametrize("options", [{}, DEFLATED])
def test_bands_one_after_the_other(options: dict[str, object]) -> None:
    """Of gray ones Pillow reads the first only, of 16 bits it takes bytes for values."""
    values = bands(3, kind=np.uint8, top=250)
    assert np.array_equal(decode(tiff(values, planar=True, **options)), values)
    values = bands(3)
    data = tiff(values, planar=True, photometric="rgb", **options)
    assert np.array_equal(decode(data), values >> 8)
    assert np.array_equal(decode(data, rules=PixelRules((0, 3999))), np.rint(values * (255 / 3999)))


def test_numbers_of_bands() -> None:
    for count, extra, expected in ((5, ["unspecified"] * 2, 5), (4, ["unassalpha"], 0), (3, [], 0)):
        data = tiff(bands(count, kind=np.uint8, top=250), photometric="rgb", extrasamples=extra)
        with Image.open(io.BytesIO(data)) as file:
            assert pillow_bands(file) == expected
