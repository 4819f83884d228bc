"""Multi-band TIFFs as colors: which bands, which range, what is missing; and what stays Pillow's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import codo
from codo.catalog.decode import InvalidImage, Limits, decode, decode_checked, stored_size
from codo.models.pixel_rules import PixelRules
from codo.rasters.multiband import BandPicture
from codo.rasters.tiff import Raster, open_in_parts
from codo.rasters.tiles import cells, tiles
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


KINDS = {
    "gray": (np.uint8, 1, {}),
    "gray and alpha": (np.uint8, 2, {"extrasamples": ["unassalpha"]}),
    "gray and associated alpha": (np.uint8, 2, {"extrasamples": ["assocalpha"]}),
    "inverted": (np.uint8, 1, {"photometric": "miniswhite"}),
    "signed bytes": (np.int8, 1, {}),
    "five bands of signed bytes": (np.int8, 5, {}),
    "RGB": (np.uint8, 3, {"photometric": "rgb"}),
    "RGBA": (np.uint8, 4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "RGBA, associated": (np.uint8, 4, {"photometric": "rgb", "extrasamples": ["assocalpha"]}),
    "RGBA and a band": (np.uint8, 5, {"photometric": "rgb", "extrasamples": ["unassalpha", "unspecified"]}),
    "RGB, a band, alpha": (np.uint8, 5, {"photometric": "rgb", "extrasamples": ["unspecified", "unassalpha"]}),
    "RGB of 16 bits": (np.uint16, 3, {"photometric": "rgb"}),
    "RGBA of 16 bits": (np.uint16, 4, {"photometric": "rgb", "extrasamples": ["unassalpha"]}),
    "gray of 16 bits": (np.uint16, 1, {}),
    "floats and alpha": (np.float32, 3, {"extrasamples": ["unspecified", "unassalpha"]}),
    "three bands of 16 bits": (np.uint16, 3, {}),
}


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_windows_have_the_pixels_of_the_whole(kind: str, planar: bool, tmp_path: Path) -> None:
    """Whoever reads the whole: Pillow, OpenCV or tifffile."""
    type_, count, options = KINDS[kind]
    span = (-128, 127) if type_ is np.int8 else (0, 255 if type_ is np.uint8 else 65535)
    values = np.random.default_rng(0).integers(*span, (40, 50, count), endpoint=True).astype(type_)
    values[:6] = 20
    if "alpha" in kind or "RGBA" in kind:
        values[10:20, :, 3 if "RGBA" in kind else -1] = 0
    for nodata, rules in (
        ("", PixelRules()),
        ("20", PixelRules()),
        ("20", PixelRules("percentile")),
        ("", PixelRules((10, 200), nodata=20)),
        ("", PixelRules(bands=(1,))),
    ):
        data = tiff(
            values[:, :, 0] if count == 1 else values,
            planar=planar and count > 1,
            nodata=nodata,
            tile=(16, 16),
            compression="zlib",
            **options,
        )
        (tmp_path / "a.tif").write_bytes(data)
        whole = decode_checked(data, Limits(), rules)
        with open_in_parts(str(tmp_path / "a.tif")) as raster:
            looked = BandPicture(raster, rules)
            looked.look(cells(50, 40, 24))
            part = BandPicture(raster, rules, looked.levels)
            for window in tiles(50, 40, 32):
                x, y, width, height = window
                assert np.array_equal(part.window(window), whole.image[y : y + height, x : x + width])
            assert (looked.depth, looked.many) == (whole.depth, whole.bands)
            assert repr(whole.levels) == repr(looked.levels if looked.measured else ())
            assert part.depth is None


def test_transparent_photographs_are_over_white_and_other_bands_black() -> None:
    values = bands(4, 20, 20, np.uint8, 250)
    values[:10, :, 3], values[10:, :, 3] = 0, 255
    for options, rules, outside in (
        ({"photometric": "rgb", "extrasamples": ["unassalpha"]}, PixelRules(), 255),
        ({"photometric": "rgb", "extrasamples": ["unassalpha"]}, PixelRules(bands=(1, 2, 3)), 0),
        ({"extrasamples": ["unspecified", "unspecified", "unassalpha"]}, PixelRules(), 0),
    ):
        image = decode(tiff(values, **options), rules=rules)
        assert (image[:10] == outside).all()
        assert np.array_equal(image[10:], values[10:, :, :3])


def test_signed_bytes() -> None:
    """Black is -128: Pillow takes -1 for 255, brighter than 127."""
    values = np.array([[-128, -1, 0, 127]], np.int8).repeat(4, axis=0)
    assert decode(tiff(values))[0, :, 1].tolist() == [0, 127, 128, 255]
    assert decode(tiff(np.dstack([values] * 5)))[0, :, 1].tolist() == [0, 127, 128, 255]


def test_a_whole_picture_is_read_once() -> None:
    with Raster(tiff(bands(kind=np.int16), tile=(16, 16), compression="zlib")) as raster:
        picture_ = BandPicture(raster, PixelRules("percentile"))
        picture_.look([raster.whole])
        raster.close()
        assert picture_.window(raster.whole).shape == (70, 93, 3)


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
