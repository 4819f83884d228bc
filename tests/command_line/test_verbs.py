"""What is typed reaches the functions of the package."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import codo
from codo.cli import main


def test_settings_after_options_reach_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photos").mkdir()
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    assert cv2.imwrite(str(tmp_path / "photos/a.png"), image)
    (tmp_path / "photos/b.png").write_text("not an image")
    words = ["prepare", str(tmp_path / "photos"), "--no-proposals", "max_rejected=0.6", f"out={tmp_path / 'catalog'}"]
    assert main(words) == 0
    assert codo.open_catalog(tmp_path / "catalog").settings["max_rejected"] == 0.6
    page = tmp_path / "page.html"
    assert main(["view", str(tmp_path / "catalog"), "--out", str(page)]) == 0
    assert page.is_file()
