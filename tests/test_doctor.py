"""``codo doctor`` on this machine, and on one where a part does not work."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version

import numpy as np
import pytest
import torch

from codo import doctor

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
