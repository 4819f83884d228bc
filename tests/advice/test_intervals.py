"""Intervals against closed forms, coverage and bounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codo.advice import intervals as module
from codo.advice.intervals import ap_intervals, in_percent, in_precision, share_interval
from codo.annotations.source import DataSettings
from codo.evaluation.detections import Detections
from codo.evaluation.load_detections import detections_of_file
from codo.evaluation.statistics import Interval
from tests.reporting.conftest import labeled_set


def test_wilson_by_hand() -> None:
    """10 of 100: (0.1 + z²/200 ± z sqrt(0.0009 + z²/40000)) / (1 + z²/100) with z = 1.959964."""
    low, high = share_interval(0.1, 100)
    assert low == pytest.approx(0.05523, abs=1e-5)
    assert high == pytest.approx(0.17437, abs=1e-5)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_wilson_covers_the_true_share(share: float) -> None:
    hits = np.random.default_rng(0).binomial(128, share, size=4000) / 128
    covered = [low <= share <= high for low, high in (share_interval(hit, 128) for hit in hits)]
    assert 0.92 < np.mean(covered) < 0.98


def test_shares_stay_inside_their_range() -> None:
    assert share_interval(0.0, 20).low == 0
    assert share_interval(1.0, 20).high == 1
    assert 0.1 < share_interval(0.0, 20).high < 0.2


@pytest.fixture
def detections(tmp_path: Path) -> Detections:
    """40 images with an object each; the first 30 are found."""
    found = labeled_set(tmp_path, images=40, found=30)
    return detections_of_file(found, DataSettings(val=str(tmp_path / "val.json"), val_images=str(tmp_path)), "val")


def test_the_interval_of_ap_is_that_of_the_share_of_images(detections: Detections) -> None:
    """With one object an image and perfect boxes, AP is nearly the share of images whose object is found."""
    found = ap_intervals(detections, {"AP": 0.75, "AP50": 0.75})
    assert set(found) == {"AP", "AP50"}
    low, high = found["AP"]
    spread = 1.96 * (0.75 * 0.25 / 40) ** 0.5
    assert low == pytest.approx(0.75 - spread, abs=0.04)
    assert high == pytest.approx(0.75 + spread, abs=0.04)


def test_ap_without_objects_or_with_too_many_detections_has_no_interval(
    detections: Detections, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ap_intervals(detections, {"AP": -1.0}) == {}
    monkeypatch.setattr(module, "MOST_DETECTIONS", 10)
    assert ap_intervals(detections, {"AP": 0.75}) == {}


def test_words() -> None:
    assert in_percent(Interval(0.29, 0.391)) == "95% interval 29% to 39%"
    assert in_precision(Interval(0.21, 0.2634)) == "95% interval 21.0 to 26.3"
    assert in_percent(None) == in_precision(None) == ""
