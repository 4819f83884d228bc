"""The run directory: when a folder is free, when it is this run, and who may write."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.core.io import temporary_path
from codo.core.run import Run, check_out, open_run, start_run

CONFIG = {"seed": 0, "workers": 2, "optim": {"lr": 0.1}}


def test_a_new_folder_is_free_and_then_the_run(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert check_out(out, CONFIG) is False
    assert not out.exists()
    start_run(out, CONFIG, "pretrain").unlock()
    assert check_out(out, CONFIG) is True
    run = open_run(out)
    assert run.config == CONFIG
    assert run.verb == "pretrain"
    assert len((out / "command.txt").read_text().splitlines()) == 1


def test_other_settings_are_refused_but_neutral_ones_are_not(tmp_path: Path) -> None:
    start_run(tmp_path / "run", CONFIG, "pretrain").unlock()
    assert check_out(tmp_path / "run", {**CONFIG, "workers": 0}) is True
    assert check_out(tmp_path / "run", {**CONFIG, "near_duplicates": 0, "probe": {"near_duplicates": 9}}) is True
    with pytest.raises(InputError, match=r"optim.lr: 0.1 -> 0.2"):
        check_out(tmp_path / "run", {**CONFIG, "optim": {"lr": 0.2}})


@pytest.mark.parametrize(("verb", "start"), [("pretrain", "model.init"), ("finetune", "weights")])
def test_a_longer_run_begins_from_the_weights_of_the_first(tmp_path: Path, verb: str, start: str) -> None:
    start_run(tmp_path / "run", {"seed": 0, "steps": 10}, verb).unlock()
    with pytest.raises(InputError, match=r"steps: 10 -> 20") as caught:
        check_out(tmp_path / "run", {"seed": 0, "steps": 20}, verb)
    assert f"another out= and {start}={tmp_path / 'run'}" in str(caught.value.fix)
    with pytest.raises(InputError, match=r"seed: 0 -> 1") as caught:
        check_out(tmp_path / "run", {"seed": 1, "steps": 10}, verb)
    assert start not in str(caught.value.fix)


def test_a_run_of_another_verb_is_refused_by_its_name(tmp_path: Path) -> None:
    start_run(tmp_path / "run", CONFIG, "finetune").unlock()
    assert check_out(tmp_path / "run", CONFIG, "finetune") is True
    with pytest.raises(InputError) as error:
        check_out(tmp_path / "run", {"method": "codo"}, "pretrain")
    assert error.value.what == "out= holds a run of codo finetune, and this is codo pretrain"
    assert error.value.fix == "choose another out="


@pytest.mark.parametrize("content", ["photo.jpg", "config.yaml"])
def test_a_folder_with_other_things_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / content).write_text("x")
    with pytest.raises(InputError, match="not empty and not a run"):
        check_out(tmp_path, CONFIG)
    with pytest.raises(InputError, match="is a file"):
        check_out(tmp_path / content, CONFIG)


def test_what_a_start_killed_at_once_leaves_behind_is_free(tmp_path: Path) -> None:
    for name in ("checkpoints", "exports"):
        (tmp_path / name).mkdir()
    # The last is how version 0.1.0 called it.
    for name in (".lock", "environment.json", temporary_path(tmp_path / "config.yaml").name, ".config.yaml.123.tmp"):
        (tmp_path / name).write_text("")
    assert check_out(tmp_path, CONFIG) is False
    (tmp_path / "checkpoints/step-00000001.pt").write_text("")
    with pytest.raises(InputError):
        check_out(tmp_path, CONFIG)


def test_the_lock_dies_with_its_process_not_with_its_children(tmp_path: Path) -> None:
    """A loader worker that outlives a killed run must not keep the run locked."""
    start_run(tmp_path / "run", CONFIG, "pretrain").unlock()
    code = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from codo.core.run import Run
        run = Run(Path(sys.argv[1]))
        run.lock()
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        time.sleep(60)
        """
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    orphan = int(process.stdout.readline())
    try:
        with pytest.raises(InputError, match="another process"):
            Run(tmp_path / "run").lock()
        assert Run(tmp_path / "run").busy
        process.kill()
        process.wait()
        run = Run(tmp_path / "run")
        assert not run.busy
        run.lock()
        run.unlock()
    finally:
        os.kill(orphan, signal.SIGKILL)
        process.stdout.close()


def test_a_run_that_was_never_locked_is_not_busy(tmp_path: Path) -> None:
    assert not Run(tmp_path).busy
    assert not Run(tmp_path / "absent").busy
    assert list(tmp_path.iterdir()) == []


def test_a_torn_line_of_metrics_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"step": 1}\n{"step": 2}\n{"ste')
    assert [row["step"] for row in Run(tmp_path).metrics()] == [1, 2]


def test_opening_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run directory"):
        open_run(tmp_path)
