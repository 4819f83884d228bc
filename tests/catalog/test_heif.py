"""HEIC of phones: colors, turned, 10 bits, damage; and what is said where `pillow-heif` is not installed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

import codo
from codo.annotations.images import read_sizes
from codo.catalog import heif
from codo.catalog.decode import InvalidImage, Limits, decode, decode_checked, stored_size
from codo.core.errors import InputError
from codo.sources.source import list_sources
from tests.catalog.pictures import ORIENTATION, encode, jpeg, picture, write_folder

pillow_heif = pytest.importorskip("pillow_heif")


def heic(number: int = 0, width: int = 60, height: int = 48, **options: object) -> bytes:
    """The file of a picture, lossless."""
    return saved(pillow_heif.from_pillow(Image.fromarray(picture(number, width, height))), **options)


def saved(image: object, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, quality=-1, chroma=444, matrix_coefficients=0, **options)  # type: ignore[attr-defined]
    return file.getvalue()


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)


def test_colors_are_those_that_were_written() -> None:
    decoded = decode_checked(heic(), Limits())
    assert np.abs(decoded.image.astype(int) - picture(0)).max() <= 1
    assert (decoded.orientation, decoded.depth) == (1, None)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations_are_undone_once(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    (tmp_path / "a.heic").write_bytes(heic(1, 70, 40, exif=exif.tobytes()))
    expected = decode(encode(picture(1, 70, 40), "PNG", exif=exif))
    assert np.abs(decode((tmp_path / "a.heic").read_bytes()).astype(int) - expected).max() <= 1
    assert stored_size(tmp_path / "a.heic") == (*expected.shape[:2], 1)  # libheif has turned it


def test_10_bits_become_8() -> None:
    levels = np.repeat(np.linspace(0, 65535, 64 * 64).reshape(64, 64, 1), 3, axis=2).astype(np.uint16)
    data = saved(pillow_heif.from_bytes("RGB;16", (64, 64), levels.tobytes()))
    assert pillow_heif.open_heif(io.BytesIO(data)).info["bit_depth"] > 8
    decoded = decode_checked(data, Limits())
    assert np.abs(decoded.image.astype(int) - levels // 257).max() <= 1
    assert decoded.depth is None  # as AVIF of 10 bits: its white is defined


def test_alpha_is_laid_over_white() -> None:
    rgba = np.dstack([picture(5), np.full((48, 60), 255, np.uint8)])
    rgba[:, :20, 3] = 0
    image = decode(saved(pillow_heif.from_pillow(Image.fromarray(rgba))))
    assert (image[:, :18] >= 254).all()
    assert np.abs(image[:, 22:].astype(int) - rgba[:, 22:, :3]).max() <= 1


def test_damage_and_size_limits() -> None:
    data = heic(0, 200, 100)
    for wrong, limits, kind in (
        (data[: len(data) // 2], Limits(), "truncated:"),
        (data[:24] + bytes(len(data) - 24), Limits(), "corrupt:"),
        (data, Limits(1, 0.01), "too large: 200 x 100 = 0.02 megapixels"),
        (data, Limits(101), "too small: 200 x 100"),
    ):
        with pytest.raises(InvalidImage) as caught:
            decode_checked(wrong, limits)
        assert caught.value.reason.startswith(kind)


def test_a_catalog_of_a_phone(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.HEIC": heic(0), "b.jpg": heic(1), "c.jpg": jpeg(2)})
    catalog = codo.prepare(tmp_path / "in", tmp_path / "out", propose=False, jobs=1)
    assert [catalog.key(i) for i in range(len(catalog))] == ["a.HEIC", "b.jpg", "c.jpg"]
    assert np.abs(catalog.image(1).astype(int) - picture(1)).max() <= 1
    assert "WARNING" not in catalog.summary()


@pytest.mark.usefixtures("without_the_extra")
def test_what_is_left_out_is_counted_and_the_extra_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.heic": heic(0), "b.HIF": heic(1), "c.jpg": jpeg(2), "d.jpg": jpeg(3)})
    catalog = codo.prepare(tmp_path / "in", tmp_path / "out", propose=False, jobs=1)
    assert len(catalog) == 2
    assert "ignored 1 .heic, 1 .hif" in catalog.summary()
    assert catalog.summary().endswith(
        "WARNING 2 HEIC or HEIF images were left out: pip install 'codo-detect[heif]' reads them"
    )
    write_folder(tmp_path / "phone", {"a.heic": heic(0)})
    with pytest.raises(InputError, match=r"no images found \(1 .heic\)") as caught:
        list_sources([str(tmp_path / "phone")])
    assert "codo-detect[heif]" in caught.value.fix


@pytest.mark.usefixtures("without_the_extra")
def test_a_wrong_name_does_not_hide_the_format(tmp_path: Path) -> None:
    with pytest.raises(InvalidImage) as caught:
        decode(heic())
    assert caught.value.reason == "unreadable: the format is HEIC: pip install 'codo-detect[heif]'"
    assert caught.value.is_image
    paths = [tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg"]
    for path, data in zip(paths, (heic(), heic(1), jpeg(1)), strict=True):
        path.write_bytes(data)
    with pytest.raises(InputError) as refused:
        read_sizes(paths)
    assert refused.value.what == "2 images in HEIC; the first: a.jpg"
    assert refused.value.fix == "pip install 'codo-detect[heif]'"


def test_names_by_content() -> None:
    assert heif.name_of(heic()) == "HEIC"
    assert heif.name_of(b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miaf") == "HEIF"
    assert heif.name_of(b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf") == ""
    assert heif.name_of(b"\x00\x00\x00\x1cftypisom\x00\x00\x00\x00isomavc1mp41") == ""  # a video
    assert heif.name_of(jpeg(0)[: heif.HEAD]) == heif.name_of(b"") == ""


@pytest.mark.usefixtures("without_the_extra")
@pytest.mark.skipif(not features.check("avif"), reason="this build of Pillow has no AVIF")
def test_avif_needs_no_extra() -> None:
    data = encode(picture(0), "AVIF", quality=100, subsampling="4:4:4")
    assert heif.name_of(data) == ""
    assert np.abs(decode(data).astype(int) - picture(0)).mean() <= 2
