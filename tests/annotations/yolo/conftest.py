"""A YOLO folder, and wrong lines in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.annotations.layouts import write_yolo
from tests.annotations.refusals import Refuses, Spoil
from tests.annotations.synthetic import coco

RefusesLines = Callable[[dict[str, str], str], None]


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    return write_yolo(tmp_path / "yolo", {"train": coco(3, seed=1), "val": coco(2, seed=2)})


@pytest.fixture
def refuses_lines(spoil: Spoil, refuses: Refuses) -> RefusesLines:
    """These second lines in label files of the train split, by image, are refused; the first image is named."""

    def check(lines: dict[str, str], what: str) -> None:
        data = spoil("yolo")
        for image, line in lines.items():
            file = data / "labels" / "train" / f"{image}.txt"
            first = file.read_text().splitlines()[0]
            file.write_text(f"{first}\n{line}\n")
        refuses(data, what, f"labels/train/{min(lines)}.txt")

    return check
