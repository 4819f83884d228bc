"""The schedule on work that is no finetuning: it knows nothing of trials but what `Work` says."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from codo.comparison import jobs, scheduler
from codo.comparison.scheduler import run_in_process, run_in_workers
from codo.core.attempt import attempt_page
from codo.core.config import Settings
from codo.core.errors import CodoError, Interrupted, Preempted


class Words(Settings):
    say: str


@dataclass(frozen=True)
class Piece:
    settings: Words
    path: Path
    verb: str = "say"

    def __str__(self) -> str:
        return self.settings.say


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A verb that says a word, or fails by it."""
    heard: list[str] = []

    def say(settings: Words) -> None:
        heard.append(settings.say)
        if settings.say == "codo":
            raise CodoError("no", where="here", fix="that")
        if settings.say == "python":
            raise KeyError("absent")
        if settings.say == "full":
            raise OSError(28, "No space left on device", "trials/full/result.json")
        if settings.say == "stop":
            raise Interrupted("stopped")
        if settings.say == "term":
            os.kill(os.getpid(), signal.SIGTERM)
        if settings.say == "term in a report":
            attempt_page(lambda: os.kill(os.getpid(), signal.SIGTERM), "the same command again")

    monkeypatch.setitem(jobs.VERBS, "say", jobs.Verb(Words, say))
    return heard


def pieces(folder: Path, *words: str) -> list[Piece]:
    return [Piece(Words(say=word), folder / "trials" / word / "x" / "y") for word in words]


def test_one_after_the_other_whatever_fails(said: list[str], tmp_path: Path) -> None:
    ended: list[tuple[str, str | None]] = []
    run_in_process(
        pieces(tmp_path, "a", "codo", "python", "full", "b"), lambda piece, why: ended.append((str(piece), why))
    )
    assert said == ["a", "codo", "python", "full", "b"]
    assert ended == [
        ("a", None),
        ("codo", "no; where: here; fix:   that"),
        ("python", "KeyError: 'absent'"),
        ("full", "No space left on device; where: trials/full/result.json"),
        ("b", None),
    ]


@pytest.mark.parametrize(
    ("word", "error"), [("stop", Interrupted), ("term", Preempted), ("term in a report", Preempted)]
)
def test_asked_to_stop_nothing_more_begins(word: str, error: type[CodoError], said: list[str], tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(error):
        run_in_process(pieces(tmp_path, "a", word, "b"), lambda piece, why: None)
    assert said == ["a", word]
    assert signal.getsignal(signal.SIGTERM) == before


def script(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Let a Python script stand for a process of the comparison."""
    actual = scheduler.subprocess.Popen
    monkeypatch.setattr(
        scheduler.subprocess, "Popen", lambda command, **kwargs: actual([sys.executable, "-c", text], **kwargs)
    )


def test_processes_take_turns_and_fail_alone(monkeypatch: pytest.MonkeyPatch, said: list[str], tmp_path: Path) -> None:
    script(
        monkeypatch,
        "import json, os, sys\n"
        "order = json.loads(sys.stdin.readline())\n"
        "print(os.environ['PLACE'], order['verb'])\n"
        "word = order['settings']['say']\n"
        "if word == 'codo': sys.exit('codo: no\\n  where: here\\n  fix:   that')\n"
        "if word == 'python': raise KeyError('absent')\n"
        "if word == 'die': os.kill(os.getpid(), 9)\n",
    )
    ended: dict[str, str | None] = {}
    places = [{**os.environ, "PLACE": "0"}, {**os.environ, "PLACE": "1"}]
    words = ("a", "codo", "python", "die", "b")
    run_in_workers(
        pieces(tmp_path, *words), places, tmp_path / "logs", lambda piece, why: ended.update({str(piece): why})
    )
    assert ended.keys() == set(words)
    assert ended["a"] is None
    assert ended["b"] is None
    assert ended["codo"] == "no; where: here; fix:   that"
    assert ended["python"] == f"exit code 1; KeyError: 'absent' (log: {tmp_path}/logs/python-x-y.log)"
    assert (ended["die"] or "").startswith("killed by signal 9")
    first = {(tmp_path / f"logs/{word}-x-y.log").read_text().splitlines()[0] for word in ("a", "codo")}
    assert first == {"0 say", "1 say"}


def test_a_stop_is_passed_on_and_waited_for(monkeypatch: pytest.MonkeyPatch, said: list[str], tmp_path: Path) -> None:
    """The processes get SIGTERM, and save before the comparison ends."""
    script(
        monkeypatch,
        "import os, pathlib, signal, sys, time\n"
        f"folder = pathlib.Path({str(tmp_path)!r})\n"
        "def save(*_):\n"
        "    time.sleep(0.2)\n"
        "    (folder / f'saved-{os.getpid()}').touch()\n"
        "    sys.exit(143)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "(folder / f'begun-{os.getpid()}').touch()\n"
        f"while len(list(folder.glob('begun-*'))) < 2: time.sleep(0.01)\n"
        f"os.kill({os.getpid()}, signal.SIGTERM)\n"
        "time.sleep(60)\n",
    )
    with pytest.raises(Preempted, match="stopped by SIGTERM with 2 running jobs, whose checkpoints are saved"):
        run_in_workers(
            pieces(tmp_path, "a", "b", "c"), [dict(os.environ)] * 2, tmp_path / "logs", lambda piece, why: None
        )
    assert len(list(tmp_path.glob("saved-*"))) == 2
