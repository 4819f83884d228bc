"""What follows from the data of a finetuning run: images, length, batches; and what is refused before it starts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from codo.detection.task import DATA, LABELED, MISSING, Task, prepare_task, training_batches
from codo.training.distributed import DistributedContext
from tests.annotations.synthetic import TINY, coco, write

CPU = torch.device("cpu")


def prepare(data: Path, world: int = 1, **changes: Any) -> Task:
    given = {**TINY, "data": str(data), "out": "run", "batch_size": 2, "steps": 4, "short_sides": [64], "workers": 0}
    return prepare_task(resolve(FinetuneSettings, None, {**given, **changes}), world)


def edit(data: Path, split: str, change: Any) -> None:
    path = data / f"annotations/instances_{split}.json"
    truth = json.loads(path.read_text())
    change(truth)
    path.write_text(json.dumps(truth))


def empty(truth: dict[str, Any], image: int) -> None:
    """Take the objects from an image, by its place."""
    image_id = truth["images"][image]["id"]
    truth["annotations"] = [one for one in truth["annotations"] if one["image_id"] != image_id]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Five images to learn from, the second without objects, and three to evaluate on."""
    for split, images in (("train", 5), ("val", 3)):
        write(tmp_path / "data", *coco(images), split)
    edit(tmp_path / "data", "train", lambda truth: empty(truth, 1))
    return tmp_path / "data"


def test_images_without_objects_are_left_out_unless_wanted(data: Path) -> None:
    assert prepare(data).images.tolist() == [0, 2, 3, 4]
    assert prepare(data, empty_images=True).images.tolist() == [0, 1, 2, 3, 4]


def test_missing_images_are_listed_in_the_run(data: Path, tmp_path: Path) -> None:
    (data / "train" / "003.png").unlink()
    task = prepare(data, **{"data.missing": "skip"})
    run = Run(tmp_path)
    task.write_images(run)
    assert (tmp_path / MISSING).read_text() == "003.png\n"
    assert "003.png" not in (tmp_path / LABELED).read_text()
    assert any("1 of 5 images are not there and were left out" in note for note in task.notes)


def test_parents_without_objects_are_no_classes_and_said(data: Path, tmp_path: Path) -> None:
    def parent(truth: dict[str, Any]) -> None:
        truth["categories"] = [{"id": 0, "name": "things", "supercategory": "none"}] + [
            {**one, "supercategory": "things"} for one in truth["categories"]
        ]

    before = prepare(data)
    for split in ("train", "val"):
        edit(data, split, parent)
    task = prepare(data)
    assert task.card.categories == before.card.categories
    assert task.train.labels.tolist() == before.train.labels.tolist()
    assert "no objects are no classes: 'things' (id 0)" in task.notes[-1]
    everything = task.card.model_copy(update={"categories": ((0, "things"), *task.card.categories)})
    everything.write(Run(tmp_path))  # a run from before, which has it as a class, goes on with it
    assert len(prepare(data, out=str(tmp_path)).card.categories) == 3


def test_files_are_named_one_by_one_for_the_record(data: Path) -> None:
    recorded = prepare(data).settings.data
    assert (recorded.folder, recorded.train) == (None, str(data / "annotations/instances_train.json"))
    assert recorded.val_images == str(data / "val")


@pytest.mark.parametrize(
    ("told", "steps"), [({"steps": 7}, 7), ({"epochs": 3, "steps": None}, 6), ({"epochs": 0.1, "steps": None}, 1)]
)
def test_length_by_hand(data: Path, told: dict[str, Any], steps: int) -> None:
    """Four images in batches of two: two steps in an epoch."""
    task = prepare(data, **told)
    assert (task.steps, task.per_epoch) == (steps, 2)


def test_the_card_says_what_detector_is_built(data: Path) -> None:
    task = prepare(data, short_sides=[48, 64], max_size=100)
    assert (task.card.masks, task.kinds) == (True, ["bbox", "segm"])
    assert (task.card.short_side, task.card.max_size) == (64, 100)
    assert [category.name for category in task.card.categories] == ["box", "disc"]
    assert prepare(data, masks=False).kinds == ["bbox"]


def test_names_of_the_labeled_images_are_written_down(data: Path, tmp_path: Path) -> None:
    prepare(data).write_images(Run(tmp_path))
    assert (tmp_path / LABELED).read_text().split() == ["000.png", "002.png", "003.png", "004.png"]


def test_what_was_inferred_about_the_data_is_written_down_once(data: Path, tmp_path: Path) -> None:
    task = prepare(data)
    train, val = replace(task.train, notes=("both", "train")), replace(task.val, notes=("both",))
    replace(task, train=train, val=val).write_data(Run(tmp_path))
    lines = (tmp_path / DATA).read_text().splitlines()
    assert lines[0].startswith(f"train: {len(train)} images, {len(train.labels)} objects, 2 classes in ")
    assert lines[1].startswith(f"val: {len(val)} images, {len(val.labels)} objects, 2 classes in ")
    assert lines[2:] == ["both", "train"]


def test_batches_are_those_of_their_steps_wherever_one_starts(data: Path) -> None:
    task = prepare(data)
    alone = DistributedContext(0, 1, CPU)
    whole = list(training_batches(task, alone, start=0, stop=4))
    later = list(training_batches(task, alone, start=2, stop=4))
    assert [batch.step for batch in whole] == [0, 1, 2, 3]
    for a, b in zip(whole[2:], later, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        assert all(torch.equal(x["boxes"], y["boxes"]) for x, y in zip(a.targets, b.targets, strict=True))


def test_ranks_share_a_batch(data: Path) -> None:
    task = prepare(data, world=2)
    whole = next(iter(training_batches(task, DistributedContext(0, 1, CPU), start=0, stop=1)))
    shares = [next(iter(training_batches(task, DistributedContext(rank, 2, CPU), start=0, stop=1))) for rank in (0, 1)]
    images = [image for share in shares for image in share.images]
    assert all(torch.equal(a, b) for a, b in zip(whole.images, images, strict=True))


def nothing(truth: dict[str, Any]) -> None:
    truth["annotations"] = []


def other_classes(truth: dict[str, Any]) -> None:
    truth["categories"] = [{**one, "name": f"{one['name']}s"} for one in truth["categories"]]


@pytest.mark.parametrize(
    ("split", "change", "settings", "what"),
    [
        ("train", nothing, {"masks": False}, "no objects to train on"),
        ("val", other_classes, {}, "categories differ"),
        ("train", None, {"batch_size": 5}, "larger than the 4 images"),
        ("train", None, {"steps": None}, "length of the run is missing"),
        ("train", lambda truth: truth["annotations"][0].pop("segmentation"), {"masks": True}, "empty segmentation"),
    ],
)
def test_what_cannot_be_learned_is_refused(
    data: Path, split: str, change: Any, settings: dict[str, Any], what: str
) -> None:
    if change is not None:
        edit(data, split, change)
    with pytest.raises(InputError, match=what):
        prepare(data, **settings)


def test_a_batch_that_does_not_divide_over_the_ranks_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="batch_size"):
        prepare(data, world=2, batch_size=3)


def test_data_that_are_read_already_are_not_read_again(data: Path) -> None:
    first = prepare(data)
    edit(data, "train", nothing)
    again = prepare_task(first.settings, 1, (first.train, first.val))
    assert np.array_equal(again.images, first.images)
