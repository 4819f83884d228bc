"""A YOLO folder, and wrong lines in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.annotations.layouts import write_yolo
from tests.annotations.synthetic import coco


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    return write_yolo(tmp_path / "yolo", {"train": coco(3, seed=1), "val": coco(2, seed=2)})
