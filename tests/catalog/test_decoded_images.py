"""Decoded images in shared memory: equal to decoding, seen by forks, within the limit."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from codo.catalog import decoded_images
from codo.catalog.catalog import Catalog, open_catalog
from codo.catalog.decoded_images import DecodedImages
from codo.preparation.prepare import prepare
from tests.catalog.pictures import encode, jpeg, jpegs, picture, write_folder

SIZES = np.array([[4, 2], [3, 3], [2, 1]])  # 24, 27 and 6 bytes


def image(width: int, height: int, value: int) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_as_many_places_as_fit_from_the_first_on() -> None:
    assert [len(DecodedImages(SIZES, limit)) for limit in (0, 23, 24, 50, 51, 57, 10**6)] == [0, 0, 1, 1, 2, 3, 3]
    assert DecodedImages(SIZES, 56).size == 51


def test_a_place_is_empty_until_it_is_filled() -> None:
    kept = DecodedImages(SIZES, 57)
    assert kept.get(1) is None
    kept.put(1, image(3, 3, 7))
    assert np.array_equal(kept.get(1), image(3, 3, 7))
    assert kept.get(0) is None
    assert kept.get(2) is None
    assert kept.filled == 1


def test_neighbors_do_not_touch() -> None:
    kept = DecodedImages(SIZES, 57)
    for i, (width, height) in enumerate(SIZES):
        kept.put(i, image(width, height, i + 1))
    assert all(np.array_equal(kept.get(i), image(*SIZES[i], i + 1)) for i in range(3))


def test_a_smaller_image_than_expected_is_kept_and_a_larger_one_is_not() -> None:
    kept = DecodedImages(SIZES, 57)
    kept.put(0, image(3, 2, 5))
    kept.put(1, image(4, 3, 5))
    assert np.array_equal(kept.get(0), image(3, 2, 5))
    assert kept.get(1) is None


def test_a_row_beyond_the_places_has_none() -> None:
    kept = DecodedImages(SIZES, 24)
    assert kept.has_place(0)
    assert not kept.has_place(1)
    assert kept.get(1) is None


def test_what_a_fork_fills_is_there_for_all() -> None:
    kept = DecodedImages(SIZES, 57)
    process = multiprocessing.get_context("fork").Process(target=kept.put, args=(2, image(2, 1, 9)))
    process.start()
    process.join()
    assert np.array_equal(kept.get(2), image(2, 1, 9))


def test_a_process_that_was_killed_with_the_lock_does_not_hold_up_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded_images, "_PATIENCE", 0.01)
    kept = DecodedImages(SIZES, 57)
    kept.put(0, image(4, 2, 1))
    if os.fork() == 0:
        kept._lock.acquire()
        os._exit(9)
    os.wait()
    assert kept.get(0) is None  # decoded again
    assert not kept.has_place(0)  # and nothing waits a second time
    kept.put(1, image(3, 3, 1))
    assert kept.get(1) is None


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = jpegs(5) | {"turned.jpg": jpeg(7, 70, 40, orientation=6), "z.png": encode(picture(8), "PNG")}
    return write_folder(tmp_path / "source", files)


@pytest.mark.parametrize("pack", [None, 32])
def test_a_catalog_gives_the_same_pixels(source: Path, tmp_path: Path, pack: int | None) -> None:
    plain = prepare(source, tmp_path / "catalog", propose=False, pack=pack, jobs=1, progress=False)
    keeping = open_catalog(plain.path)
    kept = keeping.keep_decoded(10**9)
    assert len(kept) == len(plain)
    for _ in range(2):  # decoded, and from memory
        for i in range(len(plain)):
            assert np.array_equal(keeping.image(i), plain.image(i))
            corners = (3, 2, 17, 13)
            (own, inside), (other, there) = keeping.lazy_image(i).part(corners), plain.lazy_image(i).part(corners)
            assert np.array_equal(crop(own, inside), crop(other, there))
    assert kept.filled == len(plain)


def crop(pixels: np.ndarray, corners: tuple[int, int, int, int]) -> np.ndarray:
    left, top, right, bottom = corners
    return pixels[top:bottom, left:right]


def test_an_image_is_read_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = prepare(source, tmp_path / "catalog", propose=False, jobs=1, progress=False)
    catalog.keep_decoded(10**9)
    read, reads = Catalog.read, []

    def counted(self: Catalog, i: int) -> bytes:
        reads.append(i)
        return read(self, i)

    monkeypatch.setattr(Catalog, "read", counted)
    for i in (0, 3, 0, 3, 3):
        catalog.image(i)
    assert reads == [0, 3]
