"""Shared fixtures. Real photographs are used only where CODO_TEST_DATA names their folder (see tests/README.md)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fsspec
import hypothesis
import pytest

from tests.annotations.synthetic import coco, write

if TYPE_CHECKING:
    from codo.loading.object_pairs import ObjectPairs
    from tests.object_store import Store

MakeData = Callable[..., Path]

# One thread per test process: the suite runs in parallel on few cores, and one thread makes CPU results exact.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")

# The same examples on every run: a red suite is then about the change at hand.
hypothesis.settings.register_profile("codo", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("codo")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real photographs, or a skip when there is none on this machine."""
    folder = os.environ.get("CODO_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CODO_TEST_DATA does not name a folder of photographs")
    return Path(folder)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 24 small pictures: colored shapes on smooth backgrounds, each different."""
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp("photos")
    for number in range(24):
        rng = np.random.default_rng(number)
        height, width = int(rng.integers(90, 140)), int(rng.integers(90, 140))
        coarse = rng.integers(60, 200, (3, 4, 3), dtype=np.uint8)
        image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(3):
            color = tuple(int(c) for c in rng.integers(0, 256, 3))
            center = (int(rng.integers(20, width - 20)), int(rng.integers(20, height - 20)))
            axes = (int(rng.integers(10, 35)), int(rng.integers(10, 35)))
            cv2.ellipse(image, center, axes, float(rng.integers(180)), 0, 360, color, -1)
        cv2.imwrite(str(folder / f"{number:03d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    return folder


@pytest.fixture(scope="session")
def catalog(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pictures of ``photos``, prepared with proposals."""
    import codo

    out = tmp_path_factory.mktemp("catalog") / "photos"
    codo.prepare(photos, out, jobs=1)
    return out


@pytest.fixture
def object_pairs(catalog: Path) -> ObjectPairs:
    """Objects of the pictures of ``catalog``, for ORL and the search of its pairs."""
    import codo
    from codo.loading.crop_dataset import Crop
    from codo.loading.object_pairs import UNCHANGED, ObjectPairs

    crops = [Crop(32, UNCHANGED)] * 2
    return ObjectPairs(codo.open_catalog(catalog), crops, crops, compared=3, min_side=32, seed=0)


@pytest.fixture
def make_data(tmp_path: Path) -> MakeData:
    """``make_data(images=4)``: a data folder with the same images for train and val."""

    def make(images: int = 4, name: str = "data", **options: Any) -> Path:
        truth, pictures = coco(images, **options)
        for split in ("train", "val"):
            write(tmp_path / name, truth, pictures, split)
        return tmp_path / name

    return make


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes in one thread, so that sums come out the same to the last bit."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    """``memory://``, standing for an object store."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield fs
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[Store]:
    pytest.importorskip("s3fs")
    pytest.importorskip("moto.server")
    from tests.object_store import serve

    store, stop = serve()
    yield store
    stop()


@pytest.fixture
def s3(_s3_server: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A real S3 server on loopback with one empty bucket, found by the environment alone; counts requests."""
    store = _s3_server
    for name, value in store.environment().items():
        monkeypatch.setenv(name, value)
    store.faults.clear()
    store.fs.mkdir(store.url)
    store.forget()
    yield store
    store.faults.clear()
    store.fs.rm(store.url, recursive=True)
