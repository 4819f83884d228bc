"""``codo doctor`` on this machine, and on one where a part does not work."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from codo import doctor
from codo.core.version import commit

CHECKS = ("images", "proposals", "RoIAlign", "training", "evaluation")


def results(printed: str) -> dict[str, str]:
    """The word behind the name of every check: ``ok`` or ``FAIL``."""
    rows = [line.split() for line in printed.splitlines()]
    return {row[0]: row[1] for row in rows if row and row[0] in CHECKS}


def test_every_part_works_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.doctor()
    printed = capsys.readouterr().out
    assert results(printed) == dict.fromkeys(CHECKS, "ok")
    assert f"torch {version('torch')}" in printed
    assert ("gpu         none" in printed) != torch.cuda.is_available()
    assert "GiB free here" in printed
    assert f"codo-detect {version('codo-detect')}{f' ({commit()})' if commit() else ''}\n" in printed
    (optional,) = [line for line in printed.splitlines() if line.startswith("optional ")]
    assert f"scikit-image {version('scikit-image')}" in optional
    assert "pytest" not in optional  # of dev


def test_nothing_private_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: object) -> None:
        raise OSError(f"cannot read {tmp_path}/jane/model")

    for name in ("HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "very-secret")
    for name in ("HTTPS_PROXY", "PIP_INDEX_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "http://jane:very-secret@localhost:9")
    monkeypatch.setenv("HOME", f"{tmp_path}/jane")
    monkeypatch.setenv("CODO_CACHE", f"{tmp_path}/jane/cache")
    monkeypatch.setattr(import_module("codo.evaluation.coco_metrics"), "coco_metrics", fail)
    assert not doctor.doctor()
    printed = capsys.readouterr().out
    assert "secret" not in printed
    assert "jane" not in printed
    assert "cache       ~/cache" in printed
    assert "OSError: cannot read ~/model" in printed


@pytest.mark.parametrize(
    ("home", "text", "shown"),
    [
        ("/home/jane", "/home/jane/a and '/home/jane'", "~/a and '~'"),
        ("/home/jane", "/home/jane2/a, /home/jane.old, /home/jane-x", "/home/jane2/a, /home/jane.old, /home/jane-x"),
        ("/", "/opt/a", "/opt/a"),  # of users without one, in containers
    ],
)
def test_the_home_folder_is_a_tilde(home: str, text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", home)
    assert doctor._without_home(text) == shown


def test_issue_templates_ask_for_it() -> None:
    templates = Path(__file__).parents[1] / ".github"
    form = yaml.safe_load((templates / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8"))
    (asked,) = [part for part in form["body"] if "codo doctor" in part["attributes"]["label"]]
    assert asked["validations"]["required"]
    assert "codo doctor" in (templates / "pull_request_template.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("check", "module", "name", "wrong", "message"),
    [
        (
            "images",
            "codo.catalog.decode",
            "decode",
            lambda data: np.zeros((120, 160, 3), np.uint8),
            "a decoded pixel is [0, 0, 0]",
        ),
        (
            "RoIAlign",
            "codo.models.roi_align",
            "roi_align",
            lambda *_: torch.zeros(2, 4, 7, 7),
            "differs from torchvision by",
        ),
    ],
)
def test_a_part_that_computes_something_else_is_named_and_the_others_are_still_tried(
    check: str,
    module: str,
    name: str,
    wrong: object,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(import_module(module), name, wrong)
    assert not doctor.doctor()
    printed = capsys.readouterr().out
    found = results(printed)
    assert found[check] == "FAIL"
    assert list(found) == list(CHECKS)
    assert found["evaluation"] == found["training"] == "ok"
    assert f"ValueError: {message}" in printed


def test_whatever_goes_wrong_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no such library")

    monkeypatch.setattr(import_module("codo.evaluation.coco_metrics"), "coco_metrics", fail)
    assert not doctor.doctor()
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("evaluation")]
    assert line == "evaluation  FAIL OSError: no such library"
