"""A run goes on with the images that it was begun with, on all hosts, or says what has changed."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import codo
from codo.annotations.source import DataSettings, read_annotations
from codo.core.errors import InputError
from codo.loading.contents import check_contents, contents, labeled_contents, write_contents
from codo.methods import dilo, orl
from tests.annotations.synthetic import coco, write
from tests.catalog.pictures import jpegs, write_folder
from tests.loading.test_dataset_inputs import inputs
from tests.training import tiny


def alone(value: Any) -> list[Any]:
    return [value]


def test_what_a_run_holds(catalog: Path, tmp_path: Path) -> None:
    found = contents(inputs(catalog))
    images = codo.open_catalog(catalog)
    boxes = sum(len(images.proposals(i)) for i in range(len(images)))
    assert found.keys() == {"foregrounds", "backgrounds.query.0", "backgrounds.key.0"}
    assert found["foregrounds"].startswith(f"{len(images)} images, {boxes} proposals, ")
    assert contents(inputs(catalog, backgrounds=False)) == {"foregrounds": found["foregrounds"]}
    write_contents(tmp_path, {}, resumed=False)
    write_contents(tmp_path, found, resumed=False)  # begun again, as nothing had been saved
    write_contents(tmp_path, {}, resumed=True)
    assert json.loads((tmp_path / "contents.json").read_text()) == found
    check_contents(str(tmp_path), found, alone, resumed=True)
    check_contents(str(tmp_path), {"foregrounds": "others"}, alone, resumed=False)
    for name, method in (("pairs.npz", orl), ("alphas.bin", dilo)):
        assert name == method.FILE
        (tmp_path / name).touch()  # computed from the images of the record
        with pytest.raises(InputError, match="the run was begun with other images"):
            check_contents(str(tmp_path), {"foregrounds": "others"}, alone, resumed=False)
        (tmp_path / name).unlink()
    check_contents(str(tmp_path / "new"), found, alone, resumed=True)


def test_hosts_with_other_images_are_refused(tmp_path: Path) -> None:
    one, two = {"foregrounds": "3 images, 1a"}, {"foregrounds": "3 images, 2b"}
    check_contents(str(tmp_path), one, lambda value: [value, one], resumed=False)
    with pytest.raises(InputError, match=r"rank 0 and rank 2 have other images as foregrounds: 3 images, 1a; .* 2b"):
        check_contents(str(tmp_path), one, lambda value: [value, one, two], resumed=False)


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    photos, out = write_folder(tmp_path / "photos", jpegs(8)), tmp_path / "catalog"
    codo.prepare(photos, out)
    given = tiny.settings(out, tmp_path / "run", canvas=32, probe=None, steps=None, epochs=2)
    run = codo.pretrain(**given)
    rows = run.metrics()
    assert codo.pretrain(**given).metrics() == rows
    shutil.rmtree(out)
    write_folder(photos, jpegs(10))
    codo.prepare(photos, out)
    with pytest.raises(InputError, match=r"other images as foregrounds: 8 images, .*; now 10 images") as raised:
        codo.pretrain(**given)
    assert f"model.init={run.path}" in raised.value.fix
    assert run.metrics() == rows
    (run.path / "contents.json").unlink()  # of an earlier version
    codo.pretrain(**given)
    assert json.loads((run.path / "contents.json").read_text())["foregrounds"].startswith("10 images")


@pytest.mark.parametrize(
    ("changed", "place", "value"),
    [
        ("images", "file_name", "other.png"),
        ("annotations", "bbox", [1, 2, 3, 4]),
        ("annotations", "iscrowd", 1),
        ("annotations", "area", 7.0),
        ("annotations", "category_id", 8),
        ("annotations", "segmentation", [[1, 2, 5, 2, 5, 9, 1, 9]]),
        ("categories", "name", "ball"),
    ],
)
def test_what_a_labeled_data_set_holds(tmp_path: Path, changed: str, place: str, value: Any) -> None:
    """Equal for the same data in another folder; another one for any change that training or evaluation would see."""
    truth, pictures = coco(3)

    def held(folder: str) -> str:
        write(tmp_path / folder, truth, pictures, "train")
        found = labeled_contents({"train": read_annotations(DataSettings(folder=str(tmp_path / folder)), "train")})
        return found["train"]

    before = held("one")
    assert re.fullmatch("3 images, 6 objects, 2 classes, [0-9a-f]{16}", before)
    assert held("two") == before
    truth = copy.deepcopy(truth)
    row = next(row for row in truth[changed] if row[place] != value)
    row[place] = value
    assert held("three") != before
