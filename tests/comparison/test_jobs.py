from __future__ import annotations

from pathlib import Path

import pytest

from codo.comparison.jobs import JobSpec, run_job, serialize, wait_until_free
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings


def test_an_order_arrives_as_it_was_written(tmp_path: Path) -> None:
    values = {"data": "d", "out": str(tmp_path), "short_sides": [64, 96], "optim.lr": 0.1}
    settings = FinetuneSettings.model_validate({k: v for k, v in values.items() if "." not in k})
    order = JobSpec("finetune", settings, tmp_path)
    assert "\n" not in serialize(order).rstrip("\n")
    assert JobSpec.read(serialize(order)) == order


def test_waiting_for_a_run_that_another_process_is_saving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([True, True, False])
    monkeypatch.setattr(Run, "busy", property(lambda run: next(answers)))
    wait_until_free(Run(tmp_path), 10.0)
    assert list(answers) == []
    monkeypatch.setattr(Run, "busy", property(lambda run: True))
    wait_until_free(Run(tmp_path), 0.0)  # not for ever


def test_unknown_work_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        run_job(JobSpec("bake", FinetuneSettings.model_validate({"data": "d", "out": "o"}), tmp_path))
