"""A run directory around the loop: where it was left, what is told, and a report that can fail without harm."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from codo import cli
from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.detection.finetune_settings import FinetuneSettings
from codo.training import checkpoint
from codo.training.distributed import DistributedContext
from codo.training.pretrain_settings import PretrainSettings
from codo.training.session import Saved, check_agreement, find_saved, open_session
from tests.training import tiny
from tests.training.noisy import ALONE, run_noisy, stopped_after

pytestmark = pytest.mark.usefixtures("one_thread")


def settings_of(out: Path) -> PretrainSettings:
    return PretrainSettings.model_validate(Run(out).config)


def test_a_new_directory_has_nothing_saved(tmp_path: Path) -> None:
    given = {"method": "simclr", "foregrounds": "none", "out": str(tmp_path / "run")}
    saved = find_saved(PretrainSettings.model_validate(given), ALONE)
    assert (saved.state, saved.step, saved.warnings) == (None, 0, [])
    assert not (tmp_path / "run").exists()


def test_the_newest_whole_checkpoint_is_found_and_the_damage_told(tmp_path: Path) -> None:
    run_noisy(tmp_path / "run")
    newest = Run(tmp_path / "run").checkpoints()[-1]
    newest.write_bytes(b"torn")
    saved = find_saved(settings_of(tmp_path / "run"), ALONE)
    assert saved.step == 3
    assert "using step-00000003.pt instead" in saved.warnings[0]
    run_noisy(tmp_path / "run")
    assert "WARNING the checkpoint is damaged" in (tmp_path / "run/train.log").read_text()
    assert checkpoint.load(newest)["step"] == 4


class Others(DistributedContext):
    """Rank 0 of two, of which the other one sends something else."""

    sends: Any = None

    def gather(self, value: Any) -> list[Any]:
        return [value, self.sends(*value)]


@pytest.mark.parametrize(
    ("sends", "what"),
    [
        (lambda step, given: (0, given), "rank 0 finds the checkpoint of step 4, rank 1 no checkpoint"),
        (lambda step, given: (step, given | {"seed": 1}), "rank 0 and rank 1 have other settings: seed: 0 -> 1"),
        (lambda step, given: (step, given | {"workers": 3, "device": "cuda:1"}), None),
    ],
    ids=["checkpoint", "settings", "neutral"],
)
def test_ranks_that_would_do_something_else_are_refused(sends: Any, what: str | None) -> None:
    settings = PretrainSettings.model_validate({"method": "simclr", "foregrounds": "none", "out": "shared/run"})
    context = Others(0, 2, torch.device("cpu"))
    object.__setattr__(context, "sends", sends)
    if what is None:
        check_agreement(settings, Saved({"step": 4}), context)
        return
    with pytest.raises(InputError, match=re.escape(what)):
        check_agreement(settings, Saved({"step": 4}), context)


def test_another_run_is_refused(tmp_path: Path) -> None:
    run_noisy(tmp_path / "run")
    other = settings_of(tmp_path / "run").model_copy(update={"seed": 1})
    with pytest.raises(InputError, match="other settings"):
        find_saved(other, ALONE)
    detector = FinetuneSettings.model_validate({"data": "d", "out": str(tmp_path / "run")})
    with pytest.raises(InputError, match="out= holds a run of codo pretrain, and this is codo finetune"):
        find_saved(detector, ALONE)


def test_what_the_mirror_has_is_brought_back_and_said(tmp_path: Path) -> None:
    run_noisy(tmp_path / "run")
    mirror = shutil.copytree(stopped_after(tmp_path / "run", 2, tmp_path / "copy"), tmp_path / "mirror")
    settings = settings_of(mirror).model_copy(update={"out": str(tmp_path / "new"), "mirror": str(mirror)})
    saved = find_saved(settings, ALONE)
    assert (saved.step, saved.restored) == (2, True)
    with open_session(settings, "pretrain", saved, ALONE, 4) as session:
        session.log_start([])
    text = (tmp_path / "new/train.log").read_text()
    assert f"resumed from step 2, which {mirror} had" in text
    assert (mirror / "train.log").read_text() == text
    assert not find_saved(settings, ALONE).restored


def test_only_one_process_holds_the_directory_and_lets_go(tmp_path: Path) -> None:
    run_noisy(tmp_path / "run")
    settings = settings_of(tmp_path / "run")
    names = ("checkpoints/.step-00000009.pt.1.tmp", ".config.yaml.other.7.tmp")  # another machine began to write it
    leftovers = [tmp_path / "run" / name for name in names]
    for leftover in leftovers:
        leftover.write_text("half")
    with open_session(settings, "pretrain", find_saved(settings, ALONE), ALONE, 4) as session:
        assert session.start == 4
        assert not any(leftover.exists() for leftover in leftovers)
        session.log.info("still open")
    assert "still open" in (tmp_path / "run/train.log").read_text()
    with open_session(settings, "pretrain", find_saved(settings, ALONE), ALONE, 4):  # may be opened again
        pass


def test_a_run_that_another_process_has_trained_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """A process may be stopped between reading the checkpoints and taking the lock."""
    run_noisy(tmp_path / "run")
    settings = settings_of(tmp_path / "run")
    before = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    refused = pytest.raises(InputError, match="another process has trained this run further in the meantime")
    with refused, open_session(settings, "pretrain", Saved(), ALONE, 4):
        pass
    assert {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()} == before
    with open_session(settings, "pretrain", find_saved(settings, ALONE), ALONE, 4) as session:  # the lock is free
        assert session.start == 4


def test_the_past_of_a_resumed_run_does_not_stay_in_memory(tmp_path: Path) -> None:
    whole = run_noisy(tmp_path / "run")
    settings = settings_of(stopped_after(tmp_path / "run", 2, tmp_path / "copy"))
    settings = settings.model_copy(update={"out": str(tmp_path / "copy")})
    saved = find_saved(settings, ALONE)
    with open_session(settings, "pretrain", saved, ALONE, 4) as session:
        learner = session.learner(whole, lambda it: torch.optim.SGD(it.parameters(), lr=0.1, momentum=0.9))
        state = checkpoint.load(session.run.checkpoints()[-1])
        assert torch.equal(learner.method.state_dict()["layer.weight"], state["method"]["layer.weight"])
        buffer = learner.optimizer.state_dict()["state"][0]["momentum_buffer"]
        assert torch.equal(buffer, state["optimizer"]["state"][0]["momentum_buffer"])
        assert saved.state is not None
        assert not {"method", "optimizer"} & saved.state.keys()
        assert session.start == 2


@pytest.mark.parametrize("part", ["method", "optimizer"])
def test_a_checkpoint_that_does_not_fit_is_told(part: str, tmp_path: Path) -> None:
    whole = run_noisy(tmp_path / "run")
    settings = settings_of(tmp_path / "run")
    saved = find_saved(settings, ALONE)
    assert saved.state is not None
    saved.state[part] = {"other": torch.zeros(1)}
    with (
        open_session(settings, "pretrain", saved, ALONE, 4) as session,
        pytest.raises(CodoError, match="the checkpoint of step 4 does not fit the run"),
    ):
        session.learner(whole, lambda it: torch.optim.SGD(it.parameters(), lr=0.1, momentum=0.9))


def test_a_report_that_fails_does_not_fail_the_run(
    catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    command = tiny.command(tiny.settings(catalog, out, steps=1, canvas=32, probe=None))[3:]
    assert cli.main(command) == 0
    (out / "report.html").unlink()
    (out / "report.html").mkdir()  # a folder in its place: the page cannot be written
    assert cli.main(command) == 0
    first, second = (printed := capsys.readouterr()).out.splitlines()
    assert f"{out}: report.html; next: codo export" in first
    assert f"{out}: next: codo export" in second
    assert "WARNING the report could not be written: IsADirectoryError" in printed.err
    assert "the same command again writes it" in printed.err
    assert "the report could not be written" in (out / "train.log").read_text()
    (out / "report.html").rmdir()
    assert cli.main(command) == 0
    assert (out / "report.html").is_file()


def test_ctrl_c_in_a_report_still_ends(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(run: Run) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("codo.reporting.report.write_report", interrupted)
    command = tiny.command(tiny.settings(catalog, tmp_path / "run", steps=1, canvas=32, probe=None))[3:]
    assert cli.main(command) == 130
