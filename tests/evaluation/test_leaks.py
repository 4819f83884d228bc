"""Validation images in the pretraining pool."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.source import DataSettings, read_annotations
from codo.core.run import Run, start_run
from codo.evaluation.leaks import leak_warning, lineage, pool_warning, pretraining_catalogs
from codo.preparation.prepare import prepare
from tests.conftest import MakeData
from tests.duplicates.pictures import jpeg, photograph, resized


def make_run(path: Path, verb: str, config: dict[str, Any]) -> Run:
    run = start_run(path, config, verb)
    run.unlock()
    return run


def test_identical_files_are_found(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data(images=4)
    pool = tmp_path / "pool"
    pool.mkdir()
    for name in ("001.png", "002.png"):
        shutil.copy(folder / "val" / name, pool / f"renamed-{name}")
    prepare(pool, tmp_path / "catalog", propose=False, jobs=1, progress=False)
    catalog = str(tmp_path / "catalog")
    config = {"foregrounds": str(pool), "backgrounds": {"query": [f"{catalog}@0.5"], "key": [catalog]}}
    run = make_run(tmp_path / "run", "pretrain", config)
    catalogs, missing = pretraining_catalogs(run)
    assert ([found.path for found in catalogs], missing) == ([catalog], [str(pool)])  # the folder was not prepared

    annotations = read_annotations(DataSettings(folder=str(folder)), "val")
    exported = run.exports_dir / "trunk.safetensors"
    exported.touch()
    finetuned = make_run(tmp_path / "finetuned", "finetune", {"weights": str(exported)})
    for weights in (run.path, exported, finetuned.path):
        warning = leak_warning(annotations, str(weights))
        assert warning is not None
        assert warning.startswith(f"2 of 4 images to evaluate on were in the pretraining pool of {run.path}")
        assert "(the first: 001.png)" in warning

    complete = make_run(tmp_path / "complete", "pretrain", config | {"foregrounds": catalog})
    other = read_annotations(DataSettings(folder=str(make_data(images=4, name="other", seed=5))), "val")
    assert leak_warning(other, str(complete.path)) is None


def test_a_catalog_that_has_moved_is_named(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data(images=4)
    prepare(folder / "val", tmp_path / "catalog", propose=False, jobs=1, progress=False)
    config = {"foregrounds": str(tmp_path / "catalog"), "backgrounds": {"query": [str(tmp_path / "gone@0.5")]}}
    run = make_run(tmp_path / "run", "pretrain", config)
    finetuned = make_run(tmp_path / "finetuned", "finetune", {"weights": str(run.path)})
    annotations = read_annotations(DataSettings(folder=str(folder)), "val")
    found = leak_warning(annotations, str(finetuned.path))
    assert found is not None
    assert found.startswith("4 of 4 images")  # what the other catalog says goes first
    (tmp_path / "catalog").rename(tmp_path / "elsewhere")
    warning = leak_warning(annotations, str(finetuned.path))
    assert warning == (
        f"cannot check whether images to evaluate on were in the pretraining pool of {run.path}: "
        f"{tmp_path / 'catalog'} cannot be opened, nor 1 more; to check, put the catalog, or a link to it, at that path"
    )
    (tmp_path / "catalog").symlink_to(tmp_path / "elsewhere")  # as it advises
    assert str(leak_warning(annotations, str(run.path))).startswith("4 of 4 images")


def test_weights_are_followed_through_files_and_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_run(tmp_path / "first", "pretrain", {"model": {"init": "imagenet"}})
    second = make_run(tmp_path / "second", "pretrain", {"model": {"init": str(first.path)}})
    file = second.exports_dir / "hub" / "model.safetensors"
    file.parent.mkdir()
    file.touch()
    third = make_run(tmp_path / "third", "finetune", {"weights": str(file)})
    assert [run.path for run in lineage(str(third.path))] == [third.path, second.path, first.path]
    detector = third.exports_dir / "detector.safetensors"
    detector.touch()
    assert [run.path for run in lineage(str(detector))] == [third.path, second.path, first.path]
    shutil.rmtree(second.path)
    assert [run.path for run in lineage(str(third.path))] == [third.path]
    monkeypatch.chdir(third.path)
    assert lineage("none") == lineage("imagenet") == []  # words, not files in the folder of a run
    around = make_run(tmp_path / "around", "finetune", {"weights": str(tmp_path / "around")})
    assert [run.path for run in lineage(str(around.path))] == [around.path]


def test_near_duplicates_in_the_pool_are_told_apart_from_equal_files(tmp_path: Path) -> None:
    pool, val = tmp_path / "pool", tmp_path / "val"
    pool.mkdir()
    val.mkdir()
    for number in range(3):
        (pool / f"{number}.jpg").write_bytes(jpeg(photograph(number)))
    (val / "equal.jpg").write_bytes(jpeg(photograph(0)))
    (val / "half.jpg").write_bytes(jpeg(resized(photograph(1), 0.5), 60))
    (val / "other.jpg").write_bytes(jpeg(photograph(20)))
    for pack in (None, 64):
        catalog = str(tmp_path / f"catalog-{pack}")
        prepare(pool, catalog, propose=False, jobs=1, progress=False, pack=pack)
        run = str(make_run(tmp_path / f"run-{pack}", "pretrain", {"foregrounds": catalog}).path)
        paths = sorted(val.iterdir())
        both = pool_warning(paths, run, "to evaluate on", near=3)
        assert both == (
            f"1 of 3 images to evaluate on were in the pretraining pool of {run} (the first: equal.jpg); 1 of 3 images "
            f"to evaluate on is a near-duplicate (resized or encoded again) of one in the pretraining pool of {run} "
            "(the first: half.jpg is like 1.jpg); results on them may not hold for new images"
        )
        assert "near-duplicate" not in str(pool_warning(paths, run, "to evaluate on"))  # switched off
        assert pool_warning(paths[2:], run, "to evaluate on", near=3) is None
        skipped = str(pool_warning(paths[2:], run, "to evaluate on", near=2))
        assert "not looked for among 3 images of the pretraining pool" in skipped
        assert ": near_duplicates=3 does" in skipped
        assert ": probe.near_duplicates=3 does" in str(pool_warning(paths[2:], run, "x", 2, "probe.near_duplicates"))
    assert pool_warning(paths, "none", "to evaluate on", near=2) is None
