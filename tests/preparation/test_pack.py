"""Packed shards: readable by WebDataset's rules, proposals scaled along, cut and joined the same each time."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codo.catalog.boxes import scale_boxes
from codo.catalog.catalog import Catalog, open_catalog
from codo.preparation.pack import shard_names, shrink, write_sample
from codo.preparation.prepare import prepare
from tests.catalog.pictures import encode, jpeg, picture, write_folder
from tests.preparation.catalogs import webdataset


def test_names_survive_slashes_dots_and_collisions() -> None:
    keys = ["n01/a.JPEG", "b.v1.2.jpg", "b.v1.2.png", "c", "c.jpg", "../d.jpg", "e.f/g.jpg", ".jpg", "b_v1_2.webp"]
    names = list(shard_names(keys))
    assert names == ["n01/a", "b_v1_2", "b_v1_2~2", "c", "c~2", "d", "e_f/g", "_jpg", "b_v1_2~3"]
    assert all("." not in name for name in names)


def test_shrinking() -> None:
    assert shrink(picture(0, 60, 48), 24).shape == (24, 30, 3)
    assert shrink(picture(0, 48, 60), 24).shape == (30, 24, 3)
    assert shrink(picture(0, 60, 48), 48) is not None
    image = picture(0, 60, 48)
    assert shrink(image, 64) is image
    assert shrink(picture(0, 20000, 33), 32).shape[0] == 32


def test_one_sample_by_hand() -> None:
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 255
    tar = io.BytesIO()
    boxes = np.array([[40, 0, 80, 40], [1, 1, 3, 3]], np.int32)
    offset, size = write_sample(tar, "a/b", "a/b.png", image, boxes, b"\x01" * 16, pack=20, quality=90)
    data = tar.getvalue()[offset : offset + size]
    small = np.asarray(Image.open(io.BytesIO(data)))
    assert small.shape == (20, 40, 3)
    assert small[:, :16].max() < 10
    assert small[:, 24:].min() > 245
    tar.seek(0)
    with tarfile.open(fileobj=tar) as members:
        assert members.getnames() == ["a/b.jpg", "a/b.json"]
        about = json.loads(members.extractfile("a/b.json").read())
    assert about == {
        "key": "a/b.png",
        "width": 40,
        "height": 20,
        "source_width": 80,
        "source_height": 40,
        "hash": "01" * 16,
        "proposals": [[20, 0, 40, 20], [0, 0, 2, 2]],
    }


@pytest.fixture(scope="module")
def packed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """Photographs with proposals, packed to a short side of 64 in shards that hold a few each."""
    return prepare(photos, tmp_path_factory.mktemp("packed") / "out", pack=64, jobs=1)


def test_the_round_trip(packed: Catalog, catalog: Path) -> None:
    original = open_catalog(catalog)
    samples = [
        sample for shard in sorted(Path(packed.path).glob("shard-*.tar")) for sample in webdataset(shard).values()
    ]
    assert len(packed) == len(original) == len(samples)
    for i, sample in enumerate(samples):
        image = packed.image(i)
        assert np.array_equal(image, np.asarray(Image.open(io.BytesIO(sample["jpg"]))))
        assert min(image.shape[:2]) == 64
        # The catalog speaks of the original: key, size, hash and proposals.
        assert packed.key(i) == original.key(i)
        assert packed.size(i) == original.size(i)
        assert packed.content_hash(i) == original.content_hash(i)
        assert np.array_equal(packed.proposals(i), original.proposals(i))
        # The sample speaks of the JPEG it is beside.
        about = json.loads(sample["json"])
        height, width = image.shape[:2]
        assert (about["width"], about["height"]) == (width, height)
        assert (about["source_width"], about["source_height"]) == original.size(i)
        assert about["hash"] == original.content_hash(i).hex()
        assert about["proposals"] == packed.scaled_proposals(i, height, width).tolist()
        assert about["proposals"] == scale_boxes(original.proposals(i), original.size(i), (width, height)).tolist()
        # And it shows the same picture.
        reference = shrink(original.image(i), 64)
        assert np.abs(image.astype(int) - reference.astype(int)).mean() < 6


def test_turned_and_small_images(tmp_path: Path) -> None:
    source = {"turned.jpg": jpeg(1, 80, 40, orientation=6), "small.png": encode(picture(2, 50, 33), "PNG")}
    catalog = prepare(write_folder(tmp_path / "s", source), tmp_path / "out", propose=False, pack=36, jobs=1)
    assert [catalog.image(i).shape for i in range(2)] == [(33, 50, 3), (72, 36, 3)]
    assert [catalog.size(i) for i in range(2)] == [(50, 33), (40, 80)]


def test_packed_shards_are_a_source(packed: Catalog, tmp_path: Path) -> None:
    again = prepare(packed.path, tmp_path / "again", propose=False, jobs=1)
    assert len(again) == len(packed)
    assert np.array_equal(again.image(3), packed.image(3))
