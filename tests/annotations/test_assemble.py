"""What all readers share: order of objects, names of classes, numbers of images."""

from __future__ import annotations

import numpy as np
import pytest

from codo.annotations.assemble import image_numbers, refuse_same_names, unused_classes
from codo.annotations.records import Category
from codo.core.errors import InputError


def test_ids_are_the_numbers_in_names_that_all_have_one() -> None:
    assert image_numbers(["a/000012.jpg", "b/2008_000002.jpg"]).tolist() == [12, 2008000002]
    assert image_numbers(["7.jpg", "007.png"]).tolist() == [1, 2]  # one number twice
    assert image_numbers(["7.jpg", "seven.jpg"]).tolist() == [1, 2]
    assert image_numbers(["9" * 30 + ".jpg"]).tolist() == [1]


CLASSES = (Category(1, "cat"), Category(2, "dog"), Category(7, "cat"))


def test_one_name_of_two_classes_is_refused_only_when_both_have_objects() -> None:
    refuse_same_names(CLASSES, np.array([1, 1, 2]), "file")
    with pytest.raises(InputError, match=r"1 name used by more than one class; the first: 'cat' \(ids 1, 7\)"):
        refuse_same_names(CLASSES, np.array([3, 1]), "file")


def test_classes_without_objects_are_reported() -> None:
    assert unused_classes(CLASSES, np.array([1, 2, 3]), "file") == ""
    message = "file: 2 of 3 categories have no annotation: cat (id 1), cat (id 7)"
    assert unused_classes(CLASSES, np.array([2]), "file") == message
    assert unused_classes(CLASSES, np.array([1, 3]), "file", parents={2}) == ""
    assert "no objects" in unused_classes(CLASSES, np.array([], dtype=np.int64), "file")
