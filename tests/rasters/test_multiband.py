"""Multi-band TIFFs as colors: which bands, which range, what is missing; and what stays Pillow's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codo
from codo.catalog.decode import InvalidImage, Limits, decode, decode_checked, stored_size
from codo.models.pixel_rules import PixelRules
from codo.rasters.multiband import BandPicture, is_for_pillow
from codo.rasters.tiff import Raster, Window
from tests.catalog.pictures import encode, picture, write_folder
from tests.rasters.files import bands, tiff

FALSE_COLOR = PixelRules((0, 3999), (4, 2, 1))


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("options", [{}, {"tile": (16, 16)}, {"rowsperstrip": 8, "compression": "zlib"}])
def test_chosen_bands_in_their_range(planar: bool, options: dict[str, object]) -> None:
    values = bands()
    image = decode(tiff(values, planar=planar, **options), rules=FALSE_COLOR)
    assert np.array_equal(image, np.rint(values[:, :, [3, 1, 0]].astype(float) * 255 / 3999))


def test_without_a_choice_the_first_three_as_before() -> None:
    """Pillow reads 5 bands of 8 bits that claim to be RGB, and takes the first three; so do all others now."""
    values = bands(kind=np.uint8, top=256)
    for photometric in ("rgb", "minisblack"):
        decoded = decode_checked(tiff(values, photometric=photometric), Limits())
        assert np.array_equal(decoded.image, values[:, :, :3])
        assert (decoded.bands, decoded.depth) == (5, None)
    two = decode(tiff(values[:, :, :2], planar=True))
    assert np.array_equal(two, np.repeat(values[:, :, :1], 3, axis=2))
    assert decode_checked(tiff(values[:, :, :3], photometric="rgb"), Limits()).bands == 0


def test_one_band_is_gray() -> None:
    values = bands(kind=np.uint8, top=256)
    assert np.array_equal(decode(tiff(values), rules=PixelRules(bands=(5,))), np.repeat(values[:, :, 4:], 3, axis=2))


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.uint16])
def test_ranges_of_each_image(kind: type) -> None:
    values = bands(kind=kind)
    values[:, :, 1] //= 2
    plain = values.astype(float)
    low, high = plain.min(axis=(0, 1)), plain.max(axis=(0, 1))
    image = decode(tiff(values), rules=PixelRules("minmax", (2, 1, 3)))
    assert np.array_equal(image, np.rint((plain - low) * (255 / (high - low)))[:, :, [1, 0, 2]])
    low, high = np.percentile(plain[:, :, :3], (2, 98), axis=(0, 1))
    image = decode(tiff(values), rules=PixelRules("percentile"))
    assert np.array_equal(image, np.rint((plain[:, :, :3] - low) * (255 / (high - low))).clip(0, 255))


def test_missing_pixels_are_black_and_no_part_of_the_range() -> None:
    values = bands(kind=np.int16) + np.int16(500)
    values[:9] = -32000
    for data, rules in (
        (tiff(values, nodata="-32000"), PixelRules("minmax")),
        (tiff(values), PixelRules("minmax", nodata=-32000)),
    ):
        image = decode(data, rules=rules)
        assert (image[:9] == 0).all()
        assert (image[9:].min(), image[9:].max()) == (0, 255)
        assert 120 < image[9:].mean() < 135
    assert decode(tiff(values), rules=PixelRules("minmax"))[9:].min() > 200  # as values that were not declared


def test_transparent_pixels_are_black() -> None:
    """A GeoTIFF of four bands and alpha: white outside of the flown area would be an object."""
    values = bands(5, kind=np.uint8, top=250)
    values[:20] = (255, 255, 255, 255, 0)
    values[20:, :, 4] = 255
    image = decode(tiff(values, planar=True, extrasamples=["unspecified", "unspecified", "unspecified", "unassalpha"]))
    assert (image[:20] == 0).all()
    assert np.array_equal(image[20:], values[20:, :, :3])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(orientation: int, tmp_path: Path) -> None:
    values = bands(kind=np.uint8, top=256)
    (tmp_path / "a.tif").write_bytes(tiff(values, extratags=[(274, "H", 1, orientation, True)]))
    expected = decode(encode(values[:, :, :3], "TIFF", tiffinfo={274: orientation}))
    assert np.array_equal(decode((tmp_path / "a.tif").read_bytes()), expected)
    assert stored_size(tmp_path / "a.tif") == (70, 93, orientation)


def test_what_is_wrong() -> None:
    for data, rules, limits, said in (
        (
            tiff(bands(3)),
            PixelRules(bands=(5, 3, 2)),
            Limits(),
            "unreadable: it has 3 bands, not those of bands=[5,3,2]",
        ),
        (tiff(bands()), PixelRules(), Limits(1, 0.001), "too large: 93 x 70"),
        (tiff(bands(), tile=(16, 16))[:-1000], PixelRules(), Limits(), "truncated:"),
        (tiff(np.zeros((20, 20), np.complex64)), PixelRules(), Limits(), "unreadable: a TIFF with values of type"),
        (tiff(bands())[:60], PixelRules(), Limits(), "corrupt:"),
    ):
        with pytest.raises(InvalidImage) as caught:
            decode_checked(data, limits, rules)
        assert caught.value.reason.startswith(said)
        assert caught.value.is_image


def test_without_tifffile_it_is_named_and_the_rest_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(bands()))
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for read in (lambda: decode((tmp_path / "a.tif").read_bytes()), lambda: stored_size(tmp_path / "a.tif")):
        with pytest.raises(InvalidImage, match=r"a TIFF of several bands: pip install 'codo-detect\[tiff\]'"):
            read()
    assert np.array_equal(decode(encode(picture(0), "TIFF")), picture(0))


def test_other_files_are_pillows_whatever_the_bands() -> None:
    rules = PixelRules(bands=(3, 2, 1))
    assert np.array_equal(decode(encode(picture(0), "PNG"), rules=rules), picture(0))
    assert np.array_equal(decode(encode(picture(0), "TIFF"), rules=rules), picture(0)[:, :, ::-1])
    palette = encode(Image.fromarray(picture(4)).quantize(16), "TIFF")
    assert is_for_pillow(palette, rules)
    assert np.array_equal(decode(palette, rules=rules), decode(palette))


def test_windows_have_the_colors_of_the_whole() -> None:
    with Raster(tiff(bands(), tile=(16, 16))) as raster:
        picture_ = BandPicture(raster, PixelRules("percentile"))
        part = BandPicture(raster, PixelRules("percentile"), picture_.levels)
        whole = picture_.window(raster.whole)
        assert np.array_equal(part.window(Window(10, 20, 30, 40)), whole[20:60, 10:40])
        assert part.depth is None


def test_a_catalog_reads_and_tells(tmp_path: Path) -> None:
    values = bands()
    write_folder(tmp_path / "in", {f"{i}.tif": tiff(values[:, :, [i, 1, 2, 3, 4]], planar=True) for i in range(2)})
    source = tmp_path / "in"
    plain = codo.prepare(source, tmp_path / "plain", propose=False, jobs=1)
    assert (
        "2 images have 5 bands: 1, 2 and 3 are red, green and blue (bands=[3,2,1] would be others)" in plain.summary()
    )
    options = {"bands": [4, 2, 1], "value_range": "percentile", "jobs": 1}
    chosen = codo.prepare(source, tmp_path / "chosen", **options)
    assert "bands" not in chosen.summary()
    assert chosen.pixel_rules == PixelRules("percentile", (4, 2, 1))
    image = codo.open_catalog(tmp_path / "chosen").image(1)
    assert np.array_equal(image, decode((source / "1.tif").read_bytes(), rules=chosen.pixel_rules))
    assert not np.array_equal(image, plain.image(1))
    packed = codo.prepare(source, tmp_path / "packed", propose=False, pack=64, **options)
    assert np.abs(packed.image(1).mean(axis=(0, 1)) - image.mean(axis=(0, 1))).max() < 4
