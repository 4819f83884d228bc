"""``probe.stop_below_start``: a run whose labeled probes fall stops, keeps its best checkpoint, and stays stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.core.errors import InputError, Interrupted
from codo.core.run import Run
from codo.probes.labeled import LabeledProbes
from codo.probes.watched_probes import BEST, keep_best
from codo.training import checkpoint
from tests.annotations.synthetic import coco, write
from tests.training import tiny
from tests.training.test_freezing import weights as weights

pytestmark = pytest.mark.usefixtures("one_thread")
# Scores of the backbone at steps 0, 1, 2, …: of the few evaluation boxes here, a fall of .8 is clear, one of .1 is not.
SCORES = [0.9, 0.95, 0.85, 0.0, 0.0]


@pytest.fixture
def given(catalog: Path, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of a run that probes after every step and may stop early."""
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    write(tmp_path / "boxes", *coco(6), "train")
    write(tmp_path / "boxes", *coco(4, seed=1), "val")
    probe = {"every": 1, "data": str(tmp_path / "boxes"), "boxes": 12, "proposals": 8, "group": 4}
    changes: dict[str, Any] = {"probe": probe, "steps": 5, "checkpoint_every": 5, "keep_checkpoints": 1, "canvas": 32}
    changes |= {"model": {**tiny.MODEL, "init": str(weights)}, "probe.stop_below_start": True}
    return tiny.settings(catalog, tmp_path / "run", **changes)


def test_the_run_stops_and_keeps_its_best_checkpoint(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    series = iter(SCORES)
    monkeypatch.setattr(LabeledProbes, "scores", lambda *_: {"probe/roi/backbone/knn": next(series)})
    run = codo.pretrain(**given)
    rows = run.metrics()
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert [path.name for path in run.checkpoints()] == ["step-00000003.pt"]
    best = run.checkpoints_dir / BEST
    assert checkpoint.load(best)["step"] == 1
    log = (run.path / "train.log").read_text()
    assert log.count("Probes of the backbone have fallen clearly below step 0") == 1
    assert (
        f"stopped at step 3 (probe/roi/backbone/knn 0.900 -> 0.000); the best are those of step 1: weights={best}"
        in log
    )
    again = codo.pretrain(**given)  # the same command again does not go on
    assert again.metrics() == rows
    assert [path.name for path in run.checkpoints()] == ["step-00000003.pt"]
    assert torch.load(best, weights_only=True)["step"] == 1


@pytest.mark.parametrize("stopped", [2, 3])  # in the middle, and where the run would stop early
def test_stopped_within_a_probe_it_is_made_up_for(
    stopped: int, given: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = iter(SCORES)
    monkeypatch.setattr(LabeledProbes, "scores", lambda *_: {"probe/roi/backbone/knn": next(series)})
    whole = codo.pretrain(**{**given, "out": str(tmp_path / "whole")})
    scores = [*SCORES[:stopped], None, *SCORES[stopped:]]

    def score(*_: object) -> dict[str, float]:
        if (value := scores.pop(0)) is None:
            raise Interrupted("stopped")
        return {"probe/roi/backbone/knn": value}

    monkeypatch.setattr(LabeledProbes, "scores", score)
    with pytest.raises(Interrupted):
        codo.pretrain(**given)
    run = codo.pretrain(**given)
    assert tiny.timeless(run.metrics()) == tiny.timeless(whole.metrics())
    assert [path.name for path in run.checkpoints()] == ["step-00000003.pt"]
    assert checkpoint.load(run.checkpoints_dir / BEST)["step"] == 1


def test_without_labels_it_is_refused(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="without labels there is no probe") as caught:
        codo.pretrain(**tiny.settings(catalog, tmp_path / "run", probe={"stop_below_start": True}))
    assert caught.value.where == "probe.stop_below_start"
    assert not (tmp_path / "run").exists()


def test_without_hard_links_the_best_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path)
    run.checkpoints_dir.mkdir()
    for step, content in ((3, b"first"), (7, b"second")):
        (run.checkpoints_dir / f"step-{step:08d}.pt").write_bytes(content)
    keep_best(run, 3)
    assert (run.checkpoints_dir / BEST).samefile(run.checkpoints()[0])

    def refused(*_: object) -> None:
        raise OSError("no hard links here")

    monkeypatch.setattr("os.link", refused)
    keep_best(run, 7)
    run.checkpoints()[1].unlink()  # as training does with old ones
    assert (run.checkpoints_dir / BEST).read_bytes() == b"second"
    assert [path.name for path in run.checkpoints_dir.iterdir() if path.suffix == ".tmp"] == []
