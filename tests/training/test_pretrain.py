"""Pretraining from the outside: first loss, golden losses, refusals."""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

import codo
from codo.core.errors import CodoError, InputError
from codo.training.load_run import load_method
from tests.training import tiny

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def finished(catalog: Path, tmp_path_factory: pytest.TempPathFactory) -> codo.Run:
    torch.set_num_threads(1)
    return codo.pretrain(**tiny.settings(catalog, tmp_path_factory.mktemp("run") / "run"))


@pytest.mark.parametrize("views", [2, 4])
def test_the_first_loss_is_that_of_guessing(catalog: Path, tmp_path: Path, views: int) -> None:
    """ln(K + 1) a level within 3%, whatever the number of views (docs/method.md#expected-loss)."""
    arguments = tiny.settings(catalog, tmp_path / "run", views=views, steps=1, probe=None)
    row = codo.pretrain(**arguments, **{"contrast.queue": 512}).metrics()[0]
    for level in ("P2", "P3", "P4", "P5"):
        assert row[f"loss/{level}"] == pytest.approx(math.log(513), rel=0.03)
    assert row["loss"] == pytest.approx((views - 1) * sum(row[f"loss/P{i}"] for i in (2, 3, 4, 5)), rel=1e-5)


def test_a_run_writes_what_it_promises(finished: codo.Run) -> None:
    names = {path.name for path in finished.path.iterdir()}
    assert {"config.yaml", "command.txt", "environment.json", "train.log", "metrics.jsonl", "report.html"} <= names
    assert [path.name for path in finished.checkpoints()] == ["step-00000004.pt", "step-00000006.pt"]
    rows = finished.metrics()
    assert [row["step"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in rows if "invariance" in row] == [0, 3, 6]
    for name in ("loss", "top1", "positive", "negative", "std", "mean_norm", "rank"):
        assert all(math.isfinite(rows[-1][f"{name}/{level}"]) for level in ("P2", "P3", "P4", "P5"))
    assert {"grad_norm", "lr", "epoch", "time/images_per_s", "time/data_wait", "time/memory_mb"} <= rows[-1].keys()
    assert finished.verb == "pretrain"


def test_key_encoder_and_queue_have_moved_as_they_should(finished: codo.Run) -> None:
    state = tiny.final_state(finished.path)["method"]
    assert int(state["queue.filled"]) == 6 * 8
    assert int(state["queue.pointer"]) == 48
    weight = "backbone.layer1.0.conv1.weight"
    query, key = (state[f"{name}.{weight}"] for name in ("query", "key"))
    # 6 steps of 0.999: the key encoder has hardly left the start, but it has.
    assert 0 < (query - key).norm() < query.norm()
    assert torch.allclose(state["queue.keys"].norm(dim=-1), torch.ones(4, 64), atol=1e-5)


def test_looking_at_the_first_views_changes_nothing(
    finished: codo.Run, catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they show is in log, file and report; the random numbers stay the run's."""
    log = (finished.path / "train.log").read_text()
    assert log.count("views of the first batch: crops keep") == 1
    first = json.loads((finished.path / "views.json").read_text())
    assert (first["samples"], first["views"]) == (8, 16)
    assert "Views of the first batch: crops keep" in (finished.path / "report.html").read_text()
    monkeypatch.setattr(import_module("codo.training.pretrain"), "measure_first_views", lambda *_: [])
    blind = codo.pretrain(**tiny.settings(catalog, tmp_path / "blind"))
    assert not (blind.path / "views.json").exists()
    assert [row["loss"] for row in blind.metrics() if "loss" in row] == [
        row["loss"] for row in finished.metrics() if "loss" in row
    ]


def test_the_same_command_again_changes_nothing(finished: codo.Run, catalog: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.checkpoints()}
    metrics = finished.metrics_file.read_bytes()
    codo.pretrain(**tiny.settings(catalog, finished.path))
    assert {path.name: path.read_bytes() for path in finished.checkpoints()} == before
    assert finished.metrics_file.read_bytes() == metrics


def test_other_settings_are_refused_with_the_difference(finished: codo.Run, catalog: Path) -> None:
    with pytest.raises(InputError, match=r"optim.lr: 0.05 -> 0.1"):
        codo.pretrain(**tiny.settings(catalog, finished.path, **{"optim.lr": 0.1}))


def test_neutral_settings_may_change(finished: codo.Run, catalog: Path) -> None:
    codo.pretrain(**tiny.settings(catalog, finished.path, workers=1, checkpoint_every=5, **{"log.progress": False}))


def test_the_query_encoder_is_what_is_read_back(finished: codo.Run) -> None:
    method, settings, step = load_method(finished)
    state = tiny.final_state(finished.path)["method"]
    assert step == 6
    assert settings.model.backbone == "resnet18"
    for name, value in method.exports()["backbone"].state_dict().items():
        assert torch.equal(value, state[f"query.backbone.{name}"])


def test_colors_on_the_device(finished: codo.Run, catalog: Path, tmp_path: Path) -> None:
    """The same draws, through a loader's worker: other pixels by a little, so other losses by a little."""
    settings = tiny.settings(catalog, tmp_path / "run", steps=1, probe=None, workers=1)
    row = codo.pretrain(**settings, **{"augment.device": "device"}).metrics()[0]
    first = finished.metrics()[1]
    assert row["step"] == first["step"] == 1
    for level in ("P2", "P3", "P4", "P5"):
        assert row[f"loss/{level}"] != first[f"loss/{level}"]
        assert row[f"loss/{level}"] == pytest.approx(first[f"loss/{level}"], rel=0.05)


def test_a_loss_that_is_not_finite_stops_the_run(catalog: Path, tmp_path: Path) -> None:
    arguments = tiny.settings(
        catalog, tmp_path / "run", steps=40, probe=None, **{"optim.lr": 1e12, "optim.warmup_steps": 0}
    )
    with pytest.raises(CodoError, match=r"not finite|is nan|is inf") as caught:
        codo.pretrain(**arguments)
    assert "optim.lr" in caught.value.fix
    # Whatever was saved before is finite.
    for path in (tmp_path / "run/checkpoints").glob("step-*.pt"):
        weights = torch.load(path, weights_only=True)["method"].values()
        assert all(torch.isfinite(value).all() for value in weights if value.is_floating_point())


@pytest.mark.parametrize(
    ("changes", "what", "fix"),
    [
        ({"epoch": 3}, "unknown setting 'epoch'", "did you mean 'epochs'?"),
        ({"optim.lr": "fast"}, "optim.lr: Input should be a valid number", "correct optim.lr"),
        ({"foregrounds": "nowhere"}, "nowhere", ""),
        ({"model.backbone": "resnet51"}, "resnet51", "did you mean 'resnet"),
        ({"canvas": 100}, "multiple of 32, such as 96", "correct canvas"),
        ({"steps": None}, "length of the run is missing", "add epochs=N or steps=N"),
        ({"batch_size": 64}, "larger than the 24 images", "batch_size=12"),
        ({"method": "coda"}, "unknown method 'coda'", "did you mean 'codo'?"),
        ({"backgrounds": {"query": ["a"]}}, "the backgrounds are missing", "add backgrounds=[DIR"),
        ({"method": "moco_v2"}, "pastes nothing, so backgrounds= has no effect", "leave backgrounds= out"),
        (
            {"method": "simsiam", "backgrounds": [], "augment.device": "device"},
            "only supports color augmentation in the loader",
            "augment.device=cpu",
        ),
        ({"options.speed": 3}, "unknown setting 'options.speed'", ""),
        ({"contrast.bn_groups": 3}, "does not divide", "contrast.bn_groups"),
        ({"device": "gpu"}, "unknown device 'gpu'", "use auto"),
    ],
)
def test_wrong_input_writes_nothing(
    catalog: Path, tmp_path: Path, changes: dict[str, Any], what: str, fix: str
) -> None:
    with pytest.raises(InputError) as caught:
        codo.pretrain(**tiny.settings(catalog, tmp_path / "run", **changes))
    assert what in str(caught.value)
    assert fix in caught.value.fix
    assert len(caught.value.lines()) == 3
    assert not (tmp_path / "run").exists()
