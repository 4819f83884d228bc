"""Pictures in tiles: what the catalog says of them and reads, from every format; huge, damaged and packed ones."""

from __future__ import annotations

import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
from PIL import Image

import codo
from codo.catalog import tile_reading
from codo.catalog.catalog import Catalog
from codo.catalog.decode import decode
from codo.catalog.schema import SCHEMA
from codo.core.errors import CodoError, InputError
from codo.models.pixel_rules import PixelRules
from codo.preparation.manifest import Item
from codo.preparation.tiling import open_tiled
from codo.rasters.tiff import Window
from tests.catalog.pictures import encode, jpeg, picture, png_header, write_folder
from tests.rasters.files import bands, tiff


def quick(source: Path, out: Path, **options: Any) -> Catalog:
    return codo.prepare(source, out, **{"propose": False, "jobs": 1, "tiles": 64, "progress": False, **options})


def tiled(values: np.ndarray, **options: object) -> bytes:
    return tiff(values, tile=(32, 48), compression="zlib", **options)


def rgba() -> np.ndarray:
    """A photograph with a transparent corner and soft edges."""
    alpha = np.clip(np.add.outer(np.arange(100), np.arange(150)) * 3 - 200, 0, 255).astype(np.uint8)
    return np.dstack([picture(1, 150, 100), alpha])


FILES = {
    "JPEG": jpeg(1, 150, 100),
    "PNG": encode(picture(1, 150, 100), "PNG"),
    "rotated JPEG": jpeg(1, 100, 150, orientation=6),
    "TIFF in tiles": tiled(picture(1, 150, 100), photometric="rgb"),
    "TIFF in strips, turned": tiff(picture(1, 150, 100), rowsperstrip=9, extratags=[(274, "H", 1, 6, True)]),
    "raw TIFF": tiff(picture(1, 150, 100), photometric="rgb"),
    "LZW that only Pillow reads": encode(picture(1, 150, 100), "TIFF", compression="tiff_lzw"),
    "5 bands": tiled(bands(5, 100, 150)),
    "16 bit gray": tiled(bands(1, 100, 150)[:, :, 0]),
    "RGBA": tiled(rgba(), photometric="rgb", extrasamples=["unassalpha"]),
    "signed bytes": tiled((bands(1, 100, 150)[:, :, 0] % 256 - 128).astype(np.int8)),
    "16 bit RGB": tiled(bands(3, 100, 150, top=65536), photometric="rgb"),
    "16 bits in one strip": tiff(bands(1, 100, 150)[:, :, 0], compression="zlib"),
    "16 bit PNG": encode(bands(1, 100, 150)[:, :, 0], "PNG"),
}


@pytest.mark.parametrize("rules", [{}, {"value_range": "percentile"}])
@pytest.mark.parametrize("kind", FILES)
def test_tiles_are_parts_of_the_picture(kind: str, rules: dict[str, Any], tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.img": b"", "b/a.tif": FILES[kind]})
    catalog = quick(tmp_path / "in", tmp_path / "out", tile_overlap=10, **rules)
    whole = decode(FILES[kind], rules=PixelRules(**rules))
    width = whole.shape[1]
    lefts, tops = ([0, 54, 86], [0, 36]) if width == 150 else ([0, 36], [0, 54, 86])
    assert [catalog.tile(i) for i in range(6)] == [Window(x, y, 64, 64) for y in tops for x in lefts]
    assert (len(catalog), catalog.counts["images"], catalog.counts["pictures"]) == (6, 6, 1)
    for i in range(6):
        x, y, w, h = catalog.tile(i)
        assert catalog.key(i) == f"b/a.tif#xywh={x},{y},64,64"
        assert catalog.size(i) == (64, 64)
        assert np.array_equal(catalog.image(i), whole[y : y + h, x : x + w])


def test_proposals_lie_in_tiles_and_views_exist(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.jpg": jpeg(1, 400, 300), "b.jpg": jpeg(2, 120, 90)})
    catalog = quick(tmp_path / "in", tmp_path / "out", propose=True, tiles=128)
    assert len(catalog) == 13
    assert catalog.tile(12) is None
    assert catalog.key(12) == "b.jpg"
    for i in range(len(catalog)):
        boxes = catalog.proposals(i)
        assert len(boxes)
        assert (boxes[:, 2:] <= catalog.size(i)).all()
    assert catalog.counts["proposals"] > len(catalog)
    small = tmp_path / "small"
    again = codo.open_catalog(tmp_path / "out")
    assert np.array_equal(again.image(12), catalog.image(12))
    assert "13 tiles of 2 images" in catalog.summary()
    assert "WARNING 1 images are decoded whole for each tile that is read; pack=SIDE" in catalog.summary()
    assert "WARNING" not in quick(tmp_path / "in", small, tiles=128, pack=64).summary()


def test_packed_tiles(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.b.tif": FILES["5 bands"], "c.jpg": jpeg(1, 60, 50)})
    catalog = quick(tmp_path / "in", tmp_path / "out", pack=32)
    with tarfile.open(tmp_path / "out" / "shard-00000.tar") as tar:
        names = tar.getnames()
        about = json.load(tar.extractfile(names[1]))
    assert names[0] == "a_b#xywh=0,0,64,64.jpg"
    assert (about["key"], about["source_width"], about["width"]) == ("a.b.tif#xywh=0,0,64,64", 64, 32)
    assert len(set(names)) == len(names) == 2 * len(catalog)
    assert catalog.image(1).shape == (32, 32, 3)
    assert catalog.image(len(catalog) - 1).shape[1] == 38


def test_beyond_the_limit_of_megapixels(tmp_path: Path) -> None:
    """Read in parts without a limit, decoded as a whole up to five times as much; Pillow keeps its own limit."""
    flat = np.zeros((2400, 3000), np.uint8)
    flat[2000, 2500] = 255
    tifffile.imwrite(tmp_path / "a.tif", flat, tile=(512, 512), compression="zlib", photometric="minisblack")
    Image.fromarray(flat[:1400]).save(tmp_path / "b.png")
    Image.fromarray(flat).save(tmp_path / "c.png")
    own = Image.MAX_IMAGE_PIXELS
    options = {"tiles": 1024, "max_megapixels": 1, "max_rejected": 1}
    with pytest.raises(CodoError, match="1 of 1 images rejected") as caught:
        quick(tmp_path / "a.tif", tmp_path / "plain", tiles=None, max_megapixels=1)
    assert caught.value.fix.startswith("cut large images with tiles=1024")
    reasons = (tmp_path / "plain" / "rejected.csv").read_text()
    assert "too large: 3000 x 2400 = 7.2 megapixels, over 1; tiles=1024 cuts it" in reasons
    with pytest.raises(CodoError, match="no image is left"):
        quick(tmp_path / "c.png", tmp_path / "c", **options)
    assert len(quick(tmp_path / "b.png", tmp_path / "b", **options)) == 6
    catalog = quick(tmp_path / "a.tif", tmp_path / "a", **options)
    assert len(catalog) == 9
    assert np.argwhere(catalog.image(8)[:, :, 0]).tolist() == [[2000 - 1376, 2500 - 1976]]
    assert own == Image.MAX_IMAGE_PIXELS


def test_what_is_too_large_or_damaged_is_rejected_with_all_its_tiles(tmp_path: Path) -> None:
    good, broken = tiled(bands(3, 100, 150, np.uint8, 250)), tiled(bands(3, 100, 150, np.uint8, 250))
    place = broken.index(b"x\x9c", len(broken) // 2) if b"x\x9c" in broken[len(broken) // 2 :] else len(broken) // 2
    broken = broken[:place] + bytes(20) + broken[place + 20 :]
    files = {
        "a.tif": good,
        "b.tif": broken,
        "c.png": png_header(30000, 20000),
        "d.jpg": jpeg(0, 20, 200),
        "e.tif": good,
    }
    write_folder(tmp_path / "in", files)
    catalog = quick(tmp_path / "in", tmp_path / "out", max_rejected=1, pack=40)
    assert {catalog.key(i)[:5] for i in range(len(catalog))} == {"a.tif", "e.tif"}
    assert (catalog.counts["images"], catalog.counts["pictures"], catalog.counts["rejected"]) == (12, 2, 3)
    assert catalog.counts["duplicates"] == 1  # of pictures
    assert np.abs(catalog.image(7).astype(int) - catalog.image(1)).max() == 0  # the shard has no part of b
    reasons = (tmp_path / "out" / "rejected.csv").read_text().splitlines()[1:]
    kinds = [line.replace('"', "").partition(":")[0] for line in reasons]
    assert kinds == ["b.tif,corrupt", "c.png,too large", "d.jpg,too small"]
    assert "600 megapixels, over 500" in reasons[1]


def test_a_picture_that_changed_is_named(tmp_path: Path) -> None:
    for kind in ("TIFF in tiles", "JPEG"):
        folder = tmp_path / kind
        write_folder(folder, {"a.tif": FILES[kind]})
        catalog = quick(folder, tmp_path / f"{kind}-out")
        small = tiled(picture(1, 80, 70), photometric="rgb") if kind != "JPEG" else jpeg(1, 80, 70)
        size = len(FILES[kind])
        (folder / "a.tif").write_bytes((small + bytes(size))[:size])
        with pytest.raises(CodoError, match=r"changed since codo prepare: (it is 80 x 70|another file)"):
            catalog.image(5)
        (folder / "a.tif").write_bytes(small)
        with pytest.raises(CodoError, match="has vanished or changed"):
            catalog.image(5)
        (folder / "a.tif").unlink()
        with pytest.raises(CodoError, match="there is no such file"):
            catalog.image(0)


def test_in_archives_and_whatever_the_processes(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {f"{i}.tif": tiled(bands(5, 100, 150 + i)) for i in range(5)})
    with tarfile.open(tmp_path / "in.tar", "w") as tar:
        tar.add(tmp_path / "in", ".")
    one = quick(tmp_path / "in", tmp_path / "one")
    two = quick(tmp_path / "in", tmp_path / "two", jobs=2)
    packed = quick(tmp_path / "in.tar", tmp_path / "tar")
    assert len(one) == len(packed) == 30
    assert (tmp_path / "one/catalog.parquet").read_bytes() == (tmp_path / "two/catalog.parquet").read_bytes()
    assert np.array_equal(packed.hashes, one.hashes)
    assert all(np.array_equal(one.image(i), packed.image(i)) for i in (0, 17, 29))
    assert np.array_equal(two.image(29), one.image(29))


def test_tiles_have_the_levels_of_the_picture_whoever_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prepared without tifffile, read with it: by its part of the file, and not by a range of the tile's own."""
    write_folder(tmp_path / "in", {"a.tif": FILES["16 bit gray"]})
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "tifffile", None)
        quick(tmp_path / "in", tmp_path / "out", value_range="minmax")
    catalog = codo.open_catalog(tmp_path / "out")
    whole = decode(FILES["16 bit gray"], rules=PixelRules("minmax"))
    monkeypatch.setattr(tile_reading, "decode", None)  # would decode the whole picture
    for i in range(len(catalog)):
        x, y, w, h = catalog.tile(i)
        assert np.array_equal(catalog.image(i), whole[y : y + h, x : x + w])


def test_without_tiles_nothing_is_new(tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.jpg": jpeg(0)})
    quick(tmp_path / "in", tmp_path / "out", tiles=None)
    file = pq.read_schema(tmp_path / "out" / "catalog.parquet")
    info = json.loads(file.metadata[b"codo"])
    assert file.names == SCHEMA.names
    assert info["format"] == 2
    assert not {"tiles", "tile_overlap", "bands", "nodata", "value_range"} & info["settings"].keys()
    assert "pictures" not in info["counts"]


@pytest.mark.parametrize(
    "wrong", [{"tiles": 63}, {"tiles": None, "tile_overlap": 8}, {"tiles": 64, "tile_overlap": 33}]
)
def test_wrong_settings(wrong: dict[str, Any], tmp_path: Path) -> None:
    write_folder(tmp_path / "in", {"a.jpg": jpeg(0)})
    with pytest.raises(InputError):
        quick(tmp_path / "in", tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_what_can_be_read_in_parts(tmp_path: Path) -> None:
    for kind, expected in (
        ("TIFF in tiles", True),
        ("raw TIFF", True),
        ("5 bands", True),
        ("JPEG", False),
        ("TIFF in strips, turned", False),
        ("LZW that only Pillow reads", False),
    ):
        (tmp_path / "a").write_bytes(FILES[kind])
        item = Item("a", str(tmp_path / "a"), 0, len(FILES[kind]), False, "", "")
        found = open_tiled(item)
        assert (found is not None) == expected, kind
        if found is not None:
            found.close()
    assert open_tiled(Item("a", "", 0, -1, False, "missing", "")) is None
