"""A VOCdevkit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.annotations.layouts import write_voc
from tests.annotations.synthetic import coco


@pytest.fixture(scope="module")
def devkit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two years, of 2007 with a labeled test set and of 2012 with an unlabeled one."""
    folder = tmp_path_factory.mktemp("voc") / "VOCdevkit"
    write_voc(folder, {"trainval": coco(3, seed=1), "test": coco(2, seed=2), "train": coco(2, seed=3)})
    write_voc(folder, {"trainval": coco(1, seed=4), "val": coco(2, seed=5)}, year="VOC2012")
    (folder / "VOC2012/ImageSets/Main/test.txt").write_text("2012_000001\n")
    return folder
