"""Alphas in a file: nothing is lost, an interruption costs little, and damage is told."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from codo.core.errors import CodoError
from codo.loading.stored_alphas import StoredAlphas, complete, owner_of, pack, unpack

N = 9
OWNER = owner_of(np.zeros((N, 16), np.uint8), (0.05, 0.8))


def alpha(i: int) -> np.ndarray | None:
    """Every third image has no object; the others have sizes and values of their own."""
    rng = np.random.default_rng(i)
    shape = (3 + i, 5)
    return None if i % 3 == 2 else rng.random(4, np.float32)[rng.integers(4, size=shape)]


def equal(one: np.ndarray | None, two: np.ndarray | None) -> bool:
    if one is None or two is None:
        return one is two
    return one.dtype == two.dtype == np.float32 and np.array_equal(one, two)


def test_a_record_loses_nothing() -> None:
    many = np.random.default_rng(0).random((40, 50), np.float32)  # more values than a byte has
    for one in (None, many, np.zeros((1, 1), np.float32), np.array([[0.0, np.nextafter(1, 0)]], np.float32)):
        assert equal(unpack(pack(one)), one)


def test_all_are_computed_once(tmp_path: Path) -> None:
    path, calls = tmp_path / "alphas.bin", []

    def counted(i: int) -> np.ndarray | None:
        calls.append(i)
        return alpha(i)

    done = complete(path, OWNER, N, counted)
    assert done.images == N
    assert sorted(calls) == list(range(N))
    assert complete(path, OWNER, N, counted).images == 0
    assert len(calls) == N
    stored = StoredAlphas(path)
    assert len(stored) == N
    assert stored.objects() == 6
    for reader in (stored, pickle.loads(pickle.dumps(stored))):
        assert all(equal(reader[i], alpha(i)) for i in range(N))


def test_an_interruption_anywhere_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "alphas.bin"
    complete(path, OWNER, N, alpha)
    whole = path.read_bytes()
    counts = []
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        counts.append(complete(path, OWNER, N, alpha).images)
        assert path.read_bytes() == whole
    assert counts == sorted(counts, reverse=True)  # the more there was, the fewer were computed
    assert counts[0] == N
    assert counts[-1] == 1
    path.write_bytes(whole[: len(whole) // 2] + bytes(500))  # pages that never reached the disk
    complete(path, OWNER, N, alpha)
    assert len(StoredAlphas(path)) == N


def test_an_error_keeps_what_was_computed(tmp_path: Path) -> None:
    def fails(i: int) -> np.ndarray | None:
        if i == 5:
            raise CodoError("the image has vanished", where="a.jpg", fix="put it back")
        return alpha(i)

    with pytest.raises(CodoError, match="vanished"):
        complete(tmp_path / "alphas.bin", OWNER, N, fails)
    assert complete(tmp_path / "alphas.bin", OWNER, N, alpha).images == N - 5


def test_other_images_and_damage_are_told(tmp_path: Path) -> None:
    path = tmp_path / "alphas.bin"
    complete(path, OWNER, N, alpha)
    other = owner_of(np.ones((N, 16), np.uint8), (0.05, 0.8))
    for owner, images in ((other, N), (owner_of(np.zeros((N, 16), np.uint8), (0.1, 0.8)), N), (OWNER, N - 1)):
        with pytest.raises(CodoError, match="of other images, or of another options"):
            complete(path, owner, images, alpha)
    content = bytearray(path.read_bytes())
    content[-1] ^= 255
    path.write_bytes(content)
    with pytest.raises(CodoError, match="the alpha of image 8 is damaged"):
        StoredAlphas(path)[8]
    path.write_bytes(b"something else that is long enough")
    with pytest.raises(CodoError, match="no file of alphas"):
        StoredAlphas(path)
    path.unlink()
    with pytest.raises(CodoError, match="cannot be read"):
        StoredAlphas(path)


def test_records_are_small() -> None:
    blocks = np.repeat(np.repeat(np.random.default_rng(0).random((10, 12), np.float32), 10, 0), 10, 1)
    assert len(pack(blocks)) < blocks.nbytes / 20
