"""What a run writes while it trains: rows, words, and the same words for programs that route messages."""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

import codo
from codo.core.errors import CodoError
from codo.core.run import Run, start_run
from codo.training.log_settings import LogSettings
from codo.training.logging import RunLog
from tests.training import tiny

HOW_TO = Path(codo.__file__).parents[2] / "docs/how-to/python.md"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = start_run(tmp_path / "run", {"seed": 0}, "pretrain")
    yield made
    made.unlock()


def lines(run: Run) -> list[str]:
    """The lines of train.log without their times."""
    return [timeless(line.split(" ", 1)[1]) for line in (run.path / "train.log").read_text().splitlines()]


def timeless(line: str) -> str:
    """A line without the time that is left."""
    return re.sub(r", [\d.]+ s left:", ", … left:", line)


def test_a_row_is_a_line_of_json_without_nan(run: Run) -> None:
    log = RunLog(run, LogSettings(), start=0, total=10)
    log.row(1, {"loss": 2.5, "grad_norm": math.inf, "alarms": []})
    log.row(2, {"loss": math.nan, "epoch": 0})
    log.close()
    assert [json.loads(line) for line in run.metrics_file.read_text().splitlines()] == [
        {"step": 1, "loss": 2.5, "grad_norm": None, "alarms": []},
        {"step": 2, "loss": None, "epoch": 0},
    ]


def test_rows_that_come_again_are_dropped_on_resuming(run: Run) -> None:
    log = RunLog(run, LogSettings(), start=0, total=10)
    for step in range(1, 6):
        log.row(step, {"loss": 1.0 * step})
    log.close()
    with run.metrics_file.open("a") as file:
        file.write('{"step": 6, "lo')  # torn by a kill
    log = RunLog(run, LogSettings(), start=3, total=10)
    log.row(4, {"loss": 40.0})
    log.close()
    assert [(row["step"], row["loss"]) for row in run.metrics()] == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 40.0)]
    told = [f"step {step}/10, … left: loss={step}" for step in range(1, 6)]
    assert lines(run)[:5] == told  # words are history: they stay
    RunLog(run, LogSettings(), start=0, total=10).close()
    assert run.metrics() == []


def test_the_terminal_hears_words_and_every_tenth_of_the_run(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(run, LogSettings(), start=0, total=30)
    log.info("begins")
    for step in range(1, 31):
        log.row(step, {"loss": 0.5})
    log.warn("the disk is nearly full")
    log.close()
    heard = [timeless(line) for line in capsys.readouterr().err.splitlines()]
    told = [f"step {i}/30{', … left' * (i % 3 == 0 and i < 30)}: loss=0.5" for i in range(1, 31)]
    assert heard == ["begins", *told[2::3], "WARNING the disk is nearly full"]
    assert lines(run) == ["begins", *told, "WARNING the disk is nearly full"]


def test_the_time_left_is_that_at_the_rate_so_far(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    log = RunLog(run, LogSettings(), start=20, total=60)  # resumed
    now[0] += 100
    log.row(30, {"loss": 0.5})
    log.close()
    assert capsys.readouterr().err == "step 30/60, 5 min 0 s left: loss=0.5\n"


@pytest.mark.parametrize(("columns", "bar"), [(100, True), (0, False)])
def test_a_bar_needs_a_terminal_with_a_width(tmp_path: Path, columns: int, bar: bool) -> None:
    code = (
        "import sys; from codo.core.run import start_run; from codo.training.log_settings import LogSettings\n"
        "from codo.training.logging import RunLog\n"
        "log = RunLog(start_run(sys.argv[1], {}, 'pretrain'), LogSettings(), start=0, total=2)\n"
        "log.row(1, {'loss': 0.5}); log.advance(1); log.row(2, {'loss': 0.5}); log.advance(2); log.close()"
    )
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24 * bar, columns, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    with subprocess.Popen(command, stderr=follower, env=env) as process:
        os.close(follower)
        shown = b""
        with suppress(OSError):  # the other end is closed
            while part := os.read(leader, 1000):
                shown += part
    os.close(leader)
    assert process.returncode == 0
    assert (b"2/2 [" in shown) == bar
    assert (b"step 2/2: loss=0.5" in shown) != bar
    text = (tmp_path / "run/train.log").read_text()
    assert "step 1/2" in text
    assert "step 2/2" in text


def test_quiet_prints_warnings_only(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(run, LogSettings(quiet=True), start=0, total=2)
    log.info("begins")
    log.row(1, {"loss": 0.5})
    log.row(2, {"loss": 0.4})
    log.warn("the disk is nearly full")
    log.close()
    assert capsys.readouterr().err.splitlines() == ["WARNING the disk is nearly full"]
    told = ["begins", "step 1/2, … left: loss=0.5", "step 2/2: loss=0.4", "WARNING the disk is nearly full"]
    assert lines(run) == told


def test_an_alarm_is_heard_once_whatever_its_numbers(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(run, LogSettings(), start=0, total=2)
    log.warn_once("Collapse (spread 1% on P2): lower it (lr=1).", "Drift (top-1 89%): the same.")
    log.warn_once("Collapse (spread 0% on P5): lower it (lr=1).")
    log.close()
    assert capsys.readouterr().err.splitlines() == [
        "WARNING Collapse (spread 1% on P2): lower it (lr=1).",
        "WARNING Drift (top-1 89%): the same.",
    ]


def test_without_progress_only_words_are_heard(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(run, LogSettings(progress=False), start=0, total=2)
    log.row(1, {"loss": 0.5})
    log.info("quiet", echo=False)
    log.warn_once("one", None, "two", "one")
    log.close()
    assert capsys.readouterr().err.splitlines() == ["WARNING one", "WARNING two"]
    assert lines(run) == ["step 1/2: loss=0.5", "quiet", "WARNING one", "WARNING two"]


def test_words_reach_the_loggers_of_the_standard_library(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="codo"):
        log = RunLog(run, LogSettings(), start=0, total=2)
        log.info("100% of it")  # no format string
        log.warn("too hot")
        log.close()
    found = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert found == [(logging.INFO, "100% of it"), (logging.WARNING, "too hot")]
    assert all(record.name.startswith("codo.training") for record in caplog.records)


def test_who_configures_nothing_reads_each_line_once(tmp_path: Path) -> None:
    """Python itself prints warnings that have no handler; a run has printed them already."""
    code = (
        "import sys; from codo.core.run import start_run; from codo.training.log_settings import LogSettings\n"
        "from codo.training.logging import RunLog\n"
        "log = RunLog(start_run(sys.argv[1], {}, 'pretrain'), LogSettings(), start=0, total=2)\n"
        "log.info('said'); log.warn('warned'); log.close()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "said\nWARNING warned\n")


def test_other_ranks_write_nothing(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.INFO, logger="codo"):
        log = RunLog(None, LogSettings(), start=0, total=2)
        log.row(1, {"loss": 0.5})
        log.info("said")
        log.warn("warned")
        log.close()
    assert (caplog.records, capsys.readouterr().err) == ([], "")


def test_a_full_disk_says_how_to_go_on(run: Run) -> None:
    (run.path / "train.log").symlink_to("/dev/full")
    log = RunLog(run, LogSettings(), start=0, total=2)
    with pytest.raises(CodoError, match="cannot write the log: No space left on device") as caught:
        log.info("no room for this")
    assert caught.value.fix == "free disk space, then run the same command again to resume"
    log.close()


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The package's logger, left as it was."""
    found = logging.getLogger("codo")
    level, handlers = found.level, list(found.handlers)
    yield found
    found.setLevel(level)
    for handler in [handler for handler in found.handlers if handler not in handlers]:
        found.removeHandler(handler)
        handler.close()


@pytest.mark.usefixtures("logger", "one_thread")
def test_the_example_of_the_how_to(catalog: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), flags=re.DOTALL)
    (tmp_path / "photos").symlink_to(catalog)
    settings = tiny.settings(tmp_path, tmp_path, steps=2, checkpoint_every=2, probe=None)
    recipe = {key: value for key, value in settings.items() if key not in ("foregrounds", "backgrounds", "out")}
    recipe["log"] = {"every": recipe.pop("log.every")}
    (tmp_path / "laptop").write_text(yaml.safe_dump(recipe))
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    words = (tmp_path / "messages.log").read_text()
    assert re.search(r"^INFO codo\.training\S* step 2/2: loss=", words, flags=re.MULTILINE)
