"""Crowd regions, parents and categories of one name, by hand-computed classes and labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.annotations.coco.read import CocoRules, read_coco
from codo.core.errors import InputError
from tests.annotations.coco.test_read import changed, save  # noqa: F401 (a fixture)

Save = Callable[[Any], Path]


def crowds(*flags: int) -> Callable[[dict[str, Any]], None]:
    def change(truth: dict[str, Any]) -> None:
        for row, flag in zip(truth["annotations"], flags, strict=True):
            row["iscrowd"] = flag

    return change


def test_a_class_of_crowd_regions_only_is_refused_with_the_counts(save: Save) -> None:  # noqa: F811
    path = save(changed(crowds(1, 1, 1)))
    with pytest.raises(InputError) as caught:
        read_coco(path, CocoRules(crowd="auto"))
    assert caught.value.what == (
        "2 classes have hardly any object that is not marked as a crowd, and nothing to learn; the first: "
        "'ant' (2 of 2; of all 3 of 3)"
    )
    assert "data.crowd=object" in caught.value.fix
    one = save(changed(crowds(1, 0, 0)))  # the only zebra
    with pytest.raises(InputError, match=r"1 class has .* 'zebra' \(1 of 1; of all 1 of 3\)"):
        read_coco(one, CocoRules(crowd="auto"))


def test_crowd_regions_are_read_as_objects_or_ignored_on_request(save: Save) -> None:  # noqa: F811
    path = save(changed(crowds(1, 1, 1)))
    read = read_coco(path, CocoRules(crowd="object"))
    assert read.crowd.tolist() == [False, False, False]
    assert read.notes == (f"{path}: 3 of 3 objects are marked as crowds, read as objects",)
    assert read_coco(path).crowd.all()


def test_some_crowd_regions_of_a_class_stay_crowd_regions(save: Save) -> None:  # noqa: F811
    path = save(changed(crowds(0, 1, 0)))
    read = read_coco(path, CocoRules(crowd="auto"))
    assert read.crowd.tolist() == [True, False, False]
    assert read.notes == (
        f"{path}: 1 of 3 objects are marked as crowds, not learned and not evaluated; the largest share is that of "
        "'ant' (1 of 2); for objects set data.crowd=object",
    )
    assert read_coco(path, CocoRules(crowd="ignore")).notes == ()


def test_as_few_crowd_regions_as_in_coco_are_not_worth_a_word(save: Save) -> None:  # noqa: F811
    def twenty(truth: dict[str, Any]) -> None:
        truth["annotations"] += [{**truth["annotations"][1], "id": 100 + i, "iscrowd": 0} for i in range(20)]
        truth["annotations"][1]["iscrowd"] = 1

    read = read_coco(save(changed(twenty)), CocoRules(crowd="auto"))
    assert (int(read.crowd.sum()), read.notes) == (1, ())


def test_flags_may_be_true_and_false(save: Save) -> None:  # noqa: F811
    read = read_coco(save(changed(crowds(False, True, False))))
    assert read.crowd.tolist() == [True, False, False]


def two_zebras(truth: dict[str, Any]) -> None:
    truth["categories"].append({"id": 95, "name": "zebra"})
    truth["annotations"].append({"id": 8, "image_id": 9, "category_id": 95, "bbox": [1, 2, 3, 4]})


def test_categories_of_one_name_are_refused_or_merged(save: Save) -> None:  # noqa: F811
    path = save(changed(two_zebras))
    with pytest.raises(InputError) as caught:
        read_coco(path)
    assert caught.value.what == "1 name used by more than one class; the first: 'zebra' (ids 90, 95)"
    assert "data.same_names=merge" in caught.value.fix
    read = read_coco(path, CocoRules(same_names="merge"))
    assert [tuple(c) for c in read.categories] == [(2, "ant"), (90, "zebra")]
    assert read.labels.tolist() == [1, 2, 1, 2]
    assert read.aliases.categories == {95: 90}
    assert read.notes == (f"{path}: categories of the same name were merged: 'zebra' (ids 90, 95)",)


def test_one_without_objects_counts_too_but_a_parent_does_not(save: Save) -> None:  # noqa: F811
    def empty(truth: dict[str, Any]) -> None:
        truth["categories"].append({"id": 95, "name": "zebra"})

    with pytest.raises(InputError, match="'zebra' \\(ids 90, 95\\)"):
        read_coco(save(changed(empty)))

    def parent(truth: dict[str, Any]) -> None:
        truth["categories"].insert(0, {"id": 0, "name": "zebra", "supercategory": "none"})
        truth["categories"][1]["supercategory"] = "zebra"

    read = read_coco(save(changed(parent)))
    assert read.parents == (0,)
    assert [c.id for c in read.categories] == [0, 2, 90]


def test_a_category_that_is_its_own_supercategory_is_no_parent(save: Save) -> None:  # noqa: F811
    def own(truth: dict[str, Any]) -> None:
        truth["categories"].append({"id": 91, "name": "yak", "supercategory": "yak"})

    assert read_coco(save(changed(own))).parents == ()


def test_names_that_differ_in_case_only_stay_two_and_are_told(save: Save) -> None:  # noqa: F811
    def similar(truth: dict[str, Any]) -> None:
        truth["categories"].append({"id": 95, "name": "Zebra "})

    read = read_coco(save(changed(similar)))
    assert len(read.categories) == 3
    assert any("differ only in case or spaces stay different classes: 'zebra' and 'Zebra '" in n for n in read.notes)
