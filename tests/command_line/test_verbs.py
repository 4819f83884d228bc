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


def test_sources_may_have_equals_signs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders of partitioned data, and signed addresses."""
    folder = tmp_path / "date=2024"
    folder.mkdir()
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    assert cv2.imwrite(str(folder / "a.png"), image)
    assert main(["prepare", str(folder), "--no-proposals", "--out", str(tmp_path / "catalog")]) == 0
    assert len(codo.open_catalog(tmp_path / "catalog")) == 1
    capsys.readouterr()
    assert main(["convert", str(folder), "--out", str(tmp_path / "coco")]) == 2
    assert "are given" not in capsys.readouterr().err  # it is taken for the source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "photos", "--out", "c", "--engine", "ray", "--shard", "1/2"], "--shard is for jobs that each"),
        (["demo", "--out", "demo", "--data-only", "--seed", "3"], "whatever --seed and --quick say"),
    ],
)
def test_options_without_effect_are_refused(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--follow", "--images", "3"], "--images: --follow serves the report as it is"),
        (["run", "--follow", "by=segm", "--out", "p.html"], "by=segm, --out: --follow"),
        (["run", "--port", "8123"], "--port is only for --follow"),
        (["nowhere", "--follow"], "no such run"),
    ],
)
def test_view_follow_refuses_what_it_cannot_do(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["view", *arguments]) == 2
    assert message in capsys.readouterr().err
