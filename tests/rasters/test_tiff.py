"""Bands of TIFFs in every layout, whole and by windows; what cannot be read is named with what to install."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tifffile import _imagecodecs

from codo.rasters.tiff import Raster, Window, is_tiff, open_in_parts
from codo.rasters.tiff_errors import DamagedTiff, UnreadableTiff
from tests.rasters.files import bands, tiff

LAYOUTS = {
    "one strip": {},
    "strips": {"rowsperstrip": 10},
    "tiles": {"tile": (16, 32)},
    "deflate": {"tile": (32, 16), "compression": "zlib"},
    "lzma": {"rowsperstrip": 7, "compression": "lzma"},
}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_bands_and_windows_of_every_layout(layout: str, planar: bool, kind: type, tmp_path: Path) -> None:
    values = bands(kind=kind, top=250)
    for order in "<>":
        data = tiff(values, planar=planar, byteorder=order, **LAYOUTS[layout])
        (tmp_path / "a.tif").write_bytes(data)
        (tmp_path / "a.tar").write_bytes(bytes(512) + data + bytes(1024))
        for source in ((data,), (str(tmp_path / "a.tif"),), (str(tmp_path / "a.tar"), 512, len(data))):
            with Raster(*source) as raster:
                assert (raster.width, raster.height, raster.bands, raster.alpha) == (93, 70, 5, None)
                assert np.array_equal(raster.read([3, 2, 1]), values[:, :, [2, 1, 0]])
                part = raster.read([5, 1, 1], Window(13, 9, 41, 33))
                assert np.array_equal(part, values[9:42, 13:54][:, :, [4, 0, 0]])
                assert part.dtype.isnative


def test_predictors_and_gray() -> None:
    values = bands(3)
    with Raster(tiff(values, tile=(16, 16), compression="zlib", predictor=True)) as raster:
        assert np.array_equal(raster.read([1, 2, 3]), values)
    with Raster(tiff(values[:, :, 0])) as raster:
        assert np.array_equal(raster.read([1]), values[:, :, :1])


def test_what_the_header_says() -> None:
    with Raster(tiff(bands(), nodata="-9999")) as raster:
        assert (raster.nodata, raster.orientation, raster.inverted, raster.is_photo) == (-9999, 1, False, True)
    with Raster(tiff(bands(), nodata="nothing", extratags=())) as raster:
        assert raster.nodata is None
    with Raster(tiff(bands(1)[:, :, 0], photometric="miniswhite")) as raster:
        assert raster.inverted
    data = tiff(np.dstack([bands(3, kind=np.uint8, top=250), bands(1, kind=np.uint8, top=2)]), photometric="rgb")
    with Raster(data) as raster:
        assert (raster.bands, raster.alpha) == (3, 3)
        values, alpha = raster.read_with_alpha([3, 1], Window(5, 7, 40, 30))
        assert np.array_equal(values, raster.read([3, 1])[7:37, 5:45])
        assert np.array_equal(alpha, bands(1, kind=np.uint8, top=2)[7:37, 5:45, 0])
        assert not raster.associated


def test_four_samples_of_a_photograph_are_colors_and_alpha() -> None:
    """As Pillow takes them, when a file does not say what the fourth is."""
    data = tiff(bands(4, kind=np.uint8, top=250), photometric="rgb", extrasamples=["unassalpha"])
    silent = data.replace((338).to_bytes(2, "little") + b"\x03\x00", (65000).to_bytes(2, "little") + b"\x03\x00")
    assert silent != data
    for file in (data, silent):
        with Raster(file) as raster:
            assert (raster.bands, raster.alpha, raster.associated, raster.colors) == (3, 3, False, 3)
    with Raster(tiff(bands(2, kind=np.uint8, top=250), extrasamples=["assocalpha"])) as raster:
        assert (raster.bands, raster.alpha, raster.associated, raster.colors) == (1, 1, True, 1)


@pytest.mark.parametrize(("nodata", "filled"), [("-9999", 0), ("7", 7), ("", 0)])
def test_tiles_that_a_sparse_file_leaves_out(nodata: str, filled: int) -> None:
    values = np.dstack([bands(1, 32, 32, np.uint8, 250), np.full((32, 32, 1), 255, np.uint8)])
    data = bytearray(tiff(values, tile=(16, 16), compression="zlib", nodata=nodata, extrasamples=["unassalpha"]))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tag = file.pages.first.tags[325]  # lengths of the tiles
        size = {3: 2, 4: 4, 16: 8}[int(tag.dtype)]
    data[tag.valueoffset : tag.valueoffset + size] = bytes(size)
    with Raster(bytes(data)) as raster:
        read, alpha = raster.read_with_alpha([1])
    assert (read[:16, :16] == filled).all()
    assert (alpha[:16, :16] == 0).all()
    assert np.array_equal(read[16:], values[16:, :, :1])


def test_colors_of_ycbcr_are_no_bands(tmp_path: Path) -> None:
    """Pillow converts them; only JPEG is converted by tifffile, too."""
    (tmp_path / "a.tif").write_bytes(tiff(bands(3, kind=np.uint8, top=250), photometric="ycbcr", tile=(16, 16)))
    assert open_in_parts(str(tmp_path / "a.tif")) is None


def test_faults_of_the_machine_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(bands(), tile=(16, 16)))
    with open_in_parts(str(path)) as raster:
        assert raster.bands == 5
    path.write_bytes(path.read_bytes()[:200])
    assert open_in_parts(str(path)) is None  # reading all of it says what is wrong
    path.write_bytes(tiff(bands(), tile=(16, 16)))
    closed = []
    monkeypatch.setattr(Raster, "close", lambda raster: closed.append(raster))
    monkeypatch.setattr(Raster, "read", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        open_in_parts(str(path))
    assert len(closed) == 1


def test_nothing_is_printed_about_odd_tags(tmp_path: Path) -> None:
    """A missing value that bytes cannot hold, as GDAL writes it: tifffile logs it for each window."""
    (tmp_path / "a.tif").write_bytes(tiff(bands(kind=np.uint8, top=250), tile=(16, 16), nodata="-9999"))
    code = "import sys; from codo.rasters.tiff import Raster; print(Raster(sys.argv[1]).read([1]).shape)"
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.tif")], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("(70, 93, 1)\n", "")


def test_only_files_in_parts_can_be_read_in_parts(tmp_path: Path) -> None:
    values = bands(1, 200, 200)[:, :, 0]
    for options, bytes_, file in (
        ({"tile": (16, 16)}, True, True),
        ({"rowsperstrip": 20}, True, True),
        ({}, False, True),
    ):
        (tmp_path / "a.tif").write_bytes(tiff(values, **options))
        with Raster(tiff(values, **options)) as one, Raster(str(tmp_path / "a.tif")) as other:
            assert (one.in_parts, other.in_parts) == (bytes_, file)  # raw pixels are mapped from a file
    with Raster(tiff(values, compression="zlib", rowsperstrip=200)) as raster:
        assert not raster.in_parts


@pytest.mark.parametrize(
    ("values", "options", "said"),
    [
        (np.zeros((20, 20), np.complex64), {}, "values of type complex64"),
        (np.zeros((4, 20, 20), np.uint8), {"volumetric": True, "tile": (4, 16, 16)}, "the axes ZYX"),
    ],
)
def test_other_contents_are_refused(values: np.ndarray, options: dict[str, object], said: str) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric="minisblack", **options)
    with pytest.raises(UnreadableTiff, match=said):
        Raster(file.getvalue())


def test_a_codec_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """LZW (5), as many programs write it; the bytes do not matter."""
    data = bytearray(tiff(bands(), compression="lzma"))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        tag = file.pages.first.tags[259]
        place = tag.valueoffset
    data[place : place + 2] = (5).to_bytes(2, "little")
    monkeypatch.setattr(tifffile.tifffile, "imagecodecs", _imagecodecs)  # its own few codecs
    with (
        Raster(bytes(data)) as raster,
        pytest.raises(UnreadableTiff, match=r"compression LZW: pip install imagecodecs"),
    ):
        raster.read([1])


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    with pytest.raises(UnreadableTiff, match=r"codo-detect\[tiff\]"):
        Raster(tiff(bands()))


def test_a_damaged_header_is_refused_by_path_and_by_bytes(tmp_path: Path) -> None:
    """Bands one after the other, of which it says that they are interleaved: it has more strips than that has."""
    data = bytearray(tiff(bands(), planar=True))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        data[file.pages.first.tags[284].valueoffset] = 1
    (tmp_path / "a.tif").write_bytes(data)
    for source in (bytes(data), str(tmp_path / "a.tif")):
        with pytest.raises(DamagedTiff), Raster(source) as raster:
            raster.read([1])


def test_a_file_that_ends_early() -> None:
    data = tiff(bands(), tile=(16, 16))
    with Raster(data[:-1000]) as raster, pytest.raises(DamagedTiff, match="truncated"):
        raster.read([1])


def test_first_bytes() -> None:
    for order in "<>":
        for big in (False, True):
            assert is_tiff(tiff(bands(), byteorder=order, bigtiff=big)[:4])
    assert not is_tiff(b"\xff\xd8\xff\xe0")
    assert not is_tiff(b"")
