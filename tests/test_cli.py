"""Exit codes and messages of the command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from codo import cli
from codo.core.errors import CodoError, Interrupted, Preempted


def test_help_and_version_exit_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["--version"], ["pretrain", "--help"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 0
    assert "codo-detect 0.1.0" in capsys.readouterr().out


def test_a_mistyped_verb_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["pretrian", "a=1"])
    assert caught.value.code == 2
    assert "did you mean 'pretrain'?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pretrain", "epoch=1", "foregrounds=a", "backgrounds=b", "out=c"], ["unknown setting 'epoch'", "'epochs'"]),
        (["pretrain", "-c", "codo_200e"], ["unknown recipe", "did you mean 'codo_200ep'?"]),
        (["pretrain", "epochs"], ["not key=value"]),
        (["plan", "codo_200ep", "laptop"], ["2 recipes"]),
        (["plan", "laptop", "-c", "laptop"], ["2 recipes"]),
        (["plan"], ["no recipe is given", "codo plan codo_200ep gpus=8"]),
        (
            ["finetune", "-c", "laptop"],
            ["the recipe 'laptop' has settings that this command has not", "finetune_laptop"],
        ),
        (["pretrain", "-c", "finetune_laptop"], ["detector, max_size, short_sides", "one_gpu"]),
        (["plan", "codo_200ep", "gpu=8"], ["unknown setting 'gpu'", "did you mean 'gpus'?"]),
        (["prepare", "nowhere", "--out", "x"], ["nowhere"]),
        (["prepare", "nowhere"], ["not named", "--out DIR"]),
        (["prepare", "--out", "x"], ["no source"]),
        (["pretrain", "weights=imagenet", "foregrounds=a", "backgrounds=b", "out=c"], ["did you mean 'model.init'?"]),
        (["finetune", "foregrounds=a", "out=c"], ["did you mean 'data'?"]),
        (["compare", "seed=0", "data=d", "inits=none", "out=c"], ["seed is set for every trial", "seeds=[0]"]),
        (["compare", "weights=none", "data=d", "inits=none", "out=c"], ["weights is set", "inits=[none]"]),
        (["compare", "data=d", "data.fraction=1", "inits=none", "out=c"], ["data.fraction is", "fractions=[1]"]),
        (["export", "nowhere", "--to", "torchvision"], ["not a run"]),
        (["export", "nowhere", "--to", "torchvison"], ["torchvison", "did you mean 'torchvision'?"]),
        (["evaluate", "nowhere"], ["nowhere"]),
        (["view", "nowhere"], ["nowhere"]),
    ],
)
def test_bad_input_is_three_lines_and_2(
    arguments: list[str],
    words: list[str],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(arguments) == 2
    errors = capsys.readouterr().err
    lines = errors.strip().splitlines()
    assert len(lines) == 3, errors
    assert lines[0].startswith("codo: ")
    assert lines[1].startswith("  where: ")
    assert lines[2].startswith("  fix:   ")
    assert all(word in errors for word in words)
    assert not list(tmp_path.iterdir())  # nothing written


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CodoError("x", where="y", fix="z"), 1),
        (Interrupted("x"), 130),
        (Preempted("x"), 143),
        (KeyboardInterrupt(), 130),
        (ValueError("surprise"), 1),
    ],
)
def test_exit_codes(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setitem(cli.VERBS, "doctor", fail)
    assert cli.main(["doctor"]) == code
    assert "Traceback" not in capsys.readouterr().err
    with pytest.raises(type(error)):
        cli.main(["doctor", "--debug"])


def test_sigterm_at_any_moment_is_preemption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(cli.VERBS, "doctor", lambda args: os.kill(os.getpid(), signal.SIGTERM))
    assert cli.main(["doctor"]) == 143
    assert capsys.readouterr().err.splitlines() == [
        "codo: stopped by SIGTERM",
        "  where: codo doctor",
        "  fix:   run the same command again",
    ]


def test_a_signal_after_the_end_does_not_change_the_exit_code(tmp_path: Path) -> None:
    """The interpreter is still busy with what libraries have left for its end."""
    code = """if True:
        import atexit, os, signal, sys
        from codo import cli
        atexit.register(lambda: print("at the end", flush=True))
        atexit.register(os.kill, os.getpid(), signal.SIGTERM)
        cli.VERBS["doctor"] = lambda args: None
        sys.argv[1:] = ["doctor"]
        sys.exit(cli.program())
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "at the end\n", "")


def test_what_another_process_tells_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(args: object) -> None:
        error = Preempted("stopped by SIGTERM")
        error.told = True
        raise error

    monkeypatch.setitem(cli.VERBS, "doctor", fail)
    assert cli.main(["doctor"]) == 143
    assert capsys.readouterr().err == ""
