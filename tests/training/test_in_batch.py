"""A run with negatives of the batch, a symmetric loss, BatchNorm in the projection and momentum=auto."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import codo
from codo.core.errors import InputError
from codo.exporters.trunk import read_trunk
from codo.training import checkpoint
from codo.training.load_run import load_method
from tests.training import tiny

pytestmark = pytest.mark.usefixtures("one_thread")
CONTRAST = {"negatives": "batch", "symmetric": True, "momentum": "auto", "bn_groups": 2}
END_TO_END = {"negatives": "batch", "keys": "end_to_end", "bn_groups": 0}


def settings(catalog: Path, out: Path, **changes: Any) -> dict[str, Any]:
    model = {**tiny.MODEL, "projection_norm": "bn"}
    made = tiny.settings(catalog, out, model=model, contrast=CONTRAST, canvas=32, steps=3, probe=None)
    return {**made, "checkpoint_every": 1, "augment.blur_unit": "canvas", **changes}


def test_stopped_and_started_again_it_ends_with_the_same_bits(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    whole = codo.pretrain(**settings(catalog, tmp_path / "whole"))
    with tiny.stopped_after(2, monkeypatch):
        codo.pretrain(**settings(catalog, tmp_path / "broken"))
    broken = codo.pretrain(**settings(catalog, tmp_path / "broken"))
    a, b = (checkpoint.load(run.checkpoints()[-1])["method"] for run in (whole, broken))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert not [key for key in a if key.startswith("queue")]

    assert whole.config["contrast"]["momentum"] == "auto"
    log = (whole.path / "train.log").read_text()
    assert "contrast.momentum=auto: 0.9 for 3 steps" in log
    assert "contrast.negatives=batch: 7 negatives a query and level" in log
    method, _, step = load_method(whole)
    assert step == 3
    assert all(torch.equal(value, a[key]) for key, value in method.state_dict().items())
    assert read_trunk(whole).parts == ("backbone", "fpn", "box_head")


def test_end_to_end_with_localization_ends_with_the_same_bits(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    changes = {"contrast": END_TO_END, "localization": 1.0}
    whole = codo.pretrain(**settings(catalog, tmp_path / "whole", **changes))
    with tiny.stopped_after(2, monkeypatch):
        codo.pretrain(**settings(catalog, tmp_path / "broken", **changes))
    broken = codo.pretrain(**settings(catalog, tmp_path / "broken", **changes))
    a, b = (checkpoint.load(run.checkpoints()[-1])["method"] for run in (whole, broken))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    log = (whole.path / "train.log").read_text()
    assert "contrast.negatives=batch: 14 negatives a query and level; without a key encoder" in log
    assert "momentum encoder" not in log
    assert {"box/P2", "foreground/P3", "objectness/P5"} <= whole.metrics()[-1].keys()
    assert read_trunk(whole).parts == ("backbone", "fpn", "box_head")
    with pytest.raises(InputError, match="no key encoder"):
        read_trunk(whole, "key")


def test_a_run_from_before_these_settings_goes_on(
    catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    given = tiny.settings(catalog, tmp_path / "run", steps=1, canvas=32, probe=None)
    run = codo.pretrain(**given)
    config = yaml.safe_load((run.path / "config.yaml").read_text())
    del config["contrast"]["negatives"], config["contrast"]["symmetric"], config["contrast"]["keys"]
    del config["localization"]
    del config["model"]["projection_norm"], config["augment"]["blur_unit"]
    (run.path / "config.yaml").write_text(yaml.safe_dump(config))
    assert codo.pretrain(**given).metrics() == run.metrics()
    with pytest.raises(InputError, match=r"contrast\.negatives: queue -> batch"):
        codo.pretrain(**given, **{"contrast.negatives": "batch"})


def test_both_directions_need_two_views(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="defined for two views, not for 3"):
        codo.pretrain(**settings(catalog, tmp_path / "run", views=3))
    assert not (tmp_path / "run").exists()
