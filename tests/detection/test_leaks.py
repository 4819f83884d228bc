"""Validation images in the pretraining pool."""

from __future__ import annotations

import shutil
from pathlib import Path

from codo.catalog.build import prepare
from codo.detection.annotations.source import DataSettings, read_annotations
from codo.detection.leaks import leak_warning, pretraining_catalogs
from codo.run import start_run

from .conftest import MakeData


def test_identical_files_are_found(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data(images=4)
    pool = tmp_path / "pool"
    pool.mkdir()
    for name in ("001.png", "002.png"):
        shutil.copy(folder / "val" / name, pool / f"renamed-{name}")
    prepare(pool, tmp_path / "catalog", propose=False, jobs=1, progress=False)
    catalog = str(tmp_path / "catalog")
    config = {"foregrounds": str(pool), "backgrounds": {"query": [f"{catalog}@0.5"], "key": [catalog]}}
    start_run(tmp_path / "run", config, "pretrain").unlock()
    annotations = read_annotations(DataSettings(folder=str(folder)), "val")

    assert [found.path for found in pretraining_catalogs(str(tmp_path / "run"))] == [catalog]
    warning = leak_warning(annotations, str(tmp_path / "run"))
    assert warning is not None
    assert warning.startswith("2 of 4 images to evaluate on were in the pretraining pool")
    assert "(the first: 001.png)" in warning

    other = read_annotations(DataSettings(folder=str(make_data(images=4, name="other", seed=5))), "val")
    assert leak_warning(other, str(tmp_path / "run")) is None
    assert leak_warning(annotations, "none") is None
    assert leak_warning(annotations, "imagenet") is None
