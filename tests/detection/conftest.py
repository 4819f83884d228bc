"""Fixtures of the detection tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from .synthetic import coco, write

MakeData = Callable[..., Path]


@pytest.fixture
def make_data(tmp_path: Path) -> MakeData:
    """``make_data(images=4)``: a data folder with the same images for train and val."""

    def make(images: int = 4, name: str = "data", **options: Any) -> Path:
        truth, pictures = coco(images, **options)
        for split in ("train", "val"):
            write(tmp_path / name, truth, pictures, split)
        return tmp_path / name

    return make


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)
