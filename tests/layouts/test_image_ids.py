"""Image ids for formats that have none."""

from __future__ import annotations

from codo.layouts.image_ids import image_numbers


def test_ids_are_the_numbers_in_names_that_all_have_one() -> None:
    assert image_numbers(["a/000012.jpg", "b/2008_000002.jpg"]).tolist() == [12, 2008000002]
    assert image_numbers(["7.jpg", "007.png"]).tolist() == [1, 2]  # one number twice
    assert image_numbers(["7.jpg", "seven.jpg"]).tolist() == [1, 2]
    assert image_numbers(["9" * 30 + ".jpg"]).tolist() == [1]
