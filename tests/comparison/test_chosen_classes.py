"""Verdicts about some classes: refused where there are none, and the same for trials of before."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import codo
from codo.comparison import jobs
from codo.comparison.chosen_classes import CHOSEN, CLASS_RESULT, measure_name
from codo.comparison.comparison import Comparison
from codo.comparison.trials import RESULT
from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from tests.annotations.synthetic import coco, write


@pytest.fixture
def finished(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished comparison; a trial that is run again fails."""

    def refuse(settings: FinetuneSettings) -> None:
        raise CodoError(f"{settings.out} was run again")

    monkeypatch.setitem(jobs.VERBS, "finetune", jobs.Verb(FinetuneSettings, refuse))
    return copied


def test_the_number_in_words() -> None:
    assert measure_name("AP50", ()) == "AP50"
    assert measure_name("AP", ("cat",)) == "AP of cat"
    assert measure_name("AP", ("cat", "dog", "cow")) == "AP of cat, dog and cow"
    assert measure_name("AP", tuple("abcd")) == "AP of 4 classes"


def test_a_class_that_is_not_there_is_refused_with_those_that_are(protocol: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        codo.compare(out=str(tmp_path / "out"), **protocol, judge={"classes": ["disc", "boxes"]})
    assert error.value.lines() == [
        "judge.classes= has 'boxes', which is not a class of the data",
        "  where: judge.classes",
        "  fix:   did you mean 'box'? known: box, disc",
    ]
    assert not (tmp_path / "out").exists()


def test_a_class_without_objects_to_evaluate_is_refused(protocol: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path / "data", *coco(8), "train")
    truth, pictures = coco(4, seed=1)
    for row in truth["annotations"]:
        row["iscrowd"] = int(row["category_id"] == 8)  # crowds are ignored
    write(tmp_path / "data", truth, pictures, "val")
    given = {
        **protocol,
        "data": str(tmp_path / "data"),
        "data.crowd": "ignore",
        "masks": False,
        "judge": {"classes": ["disc"]},
    }
    with pytest.raises(InputError, match="the val split has no object of this class"):
        codo.compare(out=str(tmp_path / "out"), **given)
    assert not (tmp_path / "out").exists()


def test_classes_are_chosen_for_finished_trials_of_before_too(finished: Path, protocol: dict[str, Any]) -> None:
    """Results written before have no numbers of classes, which the log of each trial has."""
    for file in finished.rglob(RESULT):
        content = json.loads(file.read_text())
        assert set(content.pop("classes")["bbox"]) == {"box", "disc"}
        file.write_text(json.dumps(content))
    comparison = codo.compare(out=str(finished), **protocol, judge={"classes": "disc"})
    for trial in comparison.trials:
        logged = Run(trial.path).metrics()[-1]["ap/bbox/class/disc"]
        result = comparison.results[trial.key]
        assert result.numbers["bbox"][CHOSEN] == logged
        assert result.resampled["bbox"][CHOSEN].shape == result.resampled["bbox"]["AP"].shape
    found = comparison.difference("codo", CHOSEN)
    assert found is not None
    assert found.by_image is not None
    sentences = json.loads((finished / "comparison.json").read_text())["sentences"]
    assert "points of box AP of disc, mean of 50% and 100% of the labels" in sentences[0]
    assert any(line.startswith("1 class has fewer than 30 objects in the val split") for line in sentences)
    with (finished / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["bbox/class/disc"] for row in rows] == [row[f"bbox/{CHOSEN}"] for row in rows]
    assert "AP of disc" in (finished / "report.html").read_text()


def test_all_classes_together_are_the_ap(finished: Path, protocol: dict[str, Any]) -> None:
    """Also after other classes have been chosen, whose resamples are kept in a file."""
    codo.compare(out=str(finished), **protocol, judge={"classes": ["box"]})
    comparison = codo.compare(out=str(finished), **protocol, judge={"classes": ["disc", "box"]})
    kept = json.loads((comparison.trials[0].path / CLASS_RESULT).read_text())
    assert kept["classes"] == ["box", "disc"]
    for result in comparison.results.values():
        assert result.numbers["bbox"][CHOSEN] == pytest.approx(result.numbers["bbox"]["AP"])
        np.testing.assert_allclose(result.resampled["bbox"][CHOSEN], result.resampled["bbox"]["AP"], atol=2e-6)


def test_without_detections_the_noise_of_images_is_unknown(finished: Path, protocol: dict[str, Any]) -> None:
    for file in finished.rglob("detections_val.json"):
        file.unlink()
    comparison = codo.compare(out=str(finished), **protocol, judge={"classes": ["box"]})
    found = comparison.difference("codo", CHOSEN)
    assert found is not None
    assert found.by_image is None


def test_a_trial_without_its_log_is_left_out(finished: Path, done: Comparison, protocol: dict[str, Any]) -> None:
    content = json.loads((finished / done.trials[0].path.relative_to(done.out) / RESULT).read_text())
    del content["classes"]
    folder = finished / done.trials[0].path.relative_to(done.out)
    (folder / RESULT).write_text(json.dumps(content))
    (folder / "metrics.jsonl").unlink()
    comparison = codo.compare(out=str(finished), **protocol, judge={"classes": ["box"]})
    assert CHOSEN not in comparison.results[done.trials[0].key].numbers["bbox"]
    assert comparison.results[done.trials[0].key].numbers["bbox"]["AP"] >= 0
