"""What all readers share: order of objects, names of classes."""

from __future__ import annotations

import numpy as np
import pytest

from codo.annotations.assemble import refuse_same_names, unused_classes
from codo.annotations.records import Category
from codo.core.errors import InputError

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
