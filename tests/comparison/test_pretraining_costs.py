from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from codo.comparison.pretraining_costs import COST, PretrainingCost, cost_of, mean_cost, read_cost
from codo.core.run import open_run


def test_time_is_what_the_laps_add_up_to(place: Path) -> None:
    run = open_run(place / "run")  # two steps of 8 samples with 2 views, logged one by one
    rows = run.metrics()
    cost = cost_of(run)
    assert (cost.samples, cost.views) == (16, 2)
    assert cost.seconds == pytest.approx(sum(16 / row["time/images_per_s"] for row in rows if row["step"]))
    assert cost.memory_mb == max(row["time/memory_mb"] for row in rows if row["step"])


def test_what_is_no_pretraining_has_no_cost(place: Path, tmp_path: Path) -> None:
    assert read_cost("none") is None
    assert read_cost(str(tmp_path)) is None
    assert read_cost(str(place / "run")) == cost_of(open_run(place / "run"))
    (tmp_path / COST).write_text(PretrainingCost(1, 2, 3.0, 4.0, "here", {"invariance": 0.5}).to_json())
    assert read_cost(str(tmp_path)) == PretrainingCost(1, 2, 3.0, 4.0, "here", {"invariance": 0.5})
    assert json.loads((tmp_path / COST).read_text())["scores"] == {"invariance": 0.5}


def test_scores_are_those_of_the_last_step(place: Path, tmp_path: Path) -> None:
    """Also of a run that was given as weights: its own log has them."""
    run = shutil.copytree(place / "run", tmp_path / "run")
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as log:
        for step, score in ((1, 0.3), (2, 0.7)):
            log.write(json.dumps({"step": step, "probe/roi/fpn/knn": score, "probe/roi/chance": 0.2}) + "\n")
    cost = read_cost(str(run))
    assert cost is not None
    assert cost.scores["probe/roi/fpn/knn"] == 0.7


def test_seeds_are_averaged_but_memory_is_the_most() -> None:
    first = PretrainingCost(10, 2, 4.0, 100.0, "here", {"invariance": 0.5, "probe/roi/knn": 0.1})
    second = PretrainingCost(10, 2, 6.0, 300.0, "here", {"invariance": 0.7})
    assert mean_cost([first, second]) == PretrainingCost(10, 2, 5.0, 300.0, "here", {"invariance": pytest.approx(0.6)})
    assert mean_cost([first, None]) is None
    assert mean_cost([]) is None
