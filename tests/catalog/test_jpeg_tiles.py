"""A part of a JPEG has exactly the pixels of the whole, and what cannot be cut is left alone."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from PIL import Image as Pillow

from codo.catalog.decode import decode
from codo.catalog.jpeg_tiles import cut, interval, layout
from codo.core.errors import CodoError
from codo.preparation.pack import encode
from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpegs, picture, write_folder


def noise(height: int, width: int) -> np.ndarray:
    """A picture in which every line and every color differs."""
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("blocks", [1, 2, 3])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize(("height", "width"), [(64, 96), (75, 90), (16, 48), (17, 190), (170, 42)])
def test_a_part_has_the_pixels_of_the_whole(height: int, width: int, subsampling: str, blocks: int) -> None:
    file = io.BytesIO()
    options = {"subsampling": subsampling, "restart_marker_blocks": blocks}
    Pillow.fromarray(noise(height, width)).save(file, "JPEG", **options)
    data = file.getvalue()
    whole, found = decode(data, 1), layout(data)
    if -(-width // (16 if subsampling != "4:4:4" else 8)) % blocks:
        assert found is None  # its rows do not consist of whole tiles
        return
    assert found is not None
    assert (found.height, found.width) == (height, width)
    rng = np.random.default_rng(0)
    for _ in range(40):
        (left, right), (top, bottom) = (np.sort(rng.choice(n + 1, 2, replace=False)).tolist() for n in (width, height))
        part, x, y = cut(data, found, (left, top, right, bottom))
        pixels = simplejpeg.decode_jpeg(part, "RGB", strict=True)
        assert x <= left
        assert y <= top
        assert np.array_equal(pixels[top - y : bottom - y, left - x : right - x], whole[top:bottom, left:right])
        assert len(pixels) < bottom - top + 2 * (found.tile_height + 2)
        assert pixels.shape[1] < right - left + 2 * (found.tile_width + 2)


@pytest.mark.parametrize("width", [1, 16, 100, 256, 341, 363, 500, 1000])
def test_packed_files_consist_of_tiles(width: int) -> None:
    found = layout(encode(noise(32, width), 90))
    assert found is not None
    assert found.tile_width == 16 * interval(width) <= 64


def test_a_small_part_takes_few_bytes() -> None:
    data = encode(noise(320, 400), 90)
    found = layout(data)
    assert found is not None
    part, _, _ = cut(data, found, (100, 100, 150, 132))
    assert len(part) < len(data) / 10


@pytest.mark.parametrize(
    "options",
    [{}, {"restart_marker_rows": 2}, {"restart_marker_blocks": 5}, {"restart_marker_rows": 1, "progressive": True}],
)
def test_other_jpegs_have_no_layout(options: dict[str, object]) -> None:
    file = io.BytesIO()
    Pillow.fromarray(noise(64, 96)).save(file, "JPEG", **options)
    assert layout(file.getvalue()) is None


def test_other_files_have_no_layout() -> None:
    gray = io.BytesIO()
    Pillow.fromarray(noise(64, 96)[..., 0]).save(gray, "JPEG", restart_marker_rows=1)
    whole = encode(noise(64, 96), 90)
    for data in (gray.getvalue(), b"", b"\xff\xd8", b"\x89PNG" * 9, *(whole[:end] for end in range(0, 600, 7))):
        assert layout(data) is None


def test_a_file_that_lacks_a_marker_comes_back_whole() -> None:
    data = encode(noise(64, 96), 90)
    found = layout(data)
    assert found is not None
    damaged = data.replace(b"\xff\xd1", b"\x00\x00")
    assert cut(damaged, found, (0, 40, 96, 64)) == (damaged, 0, 0)


def test_pictures_of_a_packed_catalog(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", jpegs(3))
    catalog = prepare(tmp_path / "images", tmp_path / "out", pack=32, jobs=1, propose=False)
    for i in range(len(catalog)):
        image, lazy = catalog.image(i), catalog.lazy_image(i)
        assert (lazy.height, lazy.width) == image.shape[:2]
        pixels, (left, top, right, bottom) = lazy.part((3, 20, 30, 29))
        assert np.array_equal(pixels[top:bottom, left:right], image[20:29, 3:30])


def test_damaged_bytes_in_a_shard_are_explained(tmp_path: Path) -> None:
    write_folder(tmp_path / "images", jpegs(2))
    catalog = prepare(tmp_path / "images", tmp_path / "out", pack=32, jobs=1, propose=False)
    shard, place = tmp_path / "out" / "shard-00000.tar", catalog.location(0)
    data = bytearray(shard.read_bytes())
    data[place.offset + 300 : place.offset + place.size] = bytes(place.size - 300)
    shard.write_bytes(data)
    with pytest.raises(CodoError, match="vanished or changed"):
        catalog.image(0)


def test_packed_files_open_anywhere() -> None:
    image = picture(0, 70, 90)
    data = encode(image, 95)
    assert np.abs(np.asarray(Pillow.open(io.BytesIO(data))).astype(int) - image).mean() < 4
