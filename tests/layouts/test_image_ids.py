"""Image ids for formats that have none."""

from __future__ import annotations

import numpy as np

from codo.layouts.image_ids import ids_by_name, image_numbers


def test_ids_are_the_numbers_in_names_that_all_have_one() -> None:
    assert image_numbers(["a/000012.jpg", "b/2008_000002.jpg"]).tolist() == [12, 2008000002]
    assert image_numbers(["7.jpg", "007.png"]).tolist() == [1, 2]  # one number twice
    assert image_numbers(["7.jpg", "seven.jpg"]).tolist() == [1, 2]
    assert image_numbers(["9" * 30 + ".jpg"]).tolist() == [1]


def test_names_stand_for_ids_unless_two_images_share_them() -> None:
    found = ids_by_name(["a/x.jpg", "b/x.png", "b/y.jpg", "c/y.jpg"], np.array([4, 5, 6, 7]))
    assert found == {"x.jpg": 4, "x.png": 5}
