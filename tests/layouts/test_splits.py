"""What is said where a split is missing: three lines that name the setting."""

from __future__ import annotations

from codo.layouts.splits import no_such_split, only_one_set


def test_one_set() -> None:
    lines = only_one_set("default", "data").lines()
    assert lines[0] == "there is one set of images, 'default', and no other to evaluate on"
    assert "data.split=0.2" in lines[2]
    assert "data.val_split=default" in lines[2]


def test_other_splits() -> None:
    assert no_such_split("val", ["train", "test"], "data").fix == "evaluate on test with data.val_split=test"
    assert no_such_split("train", ["trian", "val"], "data").fix == "did you mean 'trian'?"
    assert no_such_split("val", ["a", "b"], "data").fix == "choose one with data.val_split= (a, b)"
