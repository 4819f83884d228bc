"""A page is rebuilt when its files change, not too often, and a real run is followed to its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codo.advice.progress import Progress
from codo.watching.follow import Watcher
from codo.watching.page_server import PageServer
from tests.training import tiny


class Files:
    """A source that a test changes by hand; building its page takes ``cost`` seconds of the test's clock."""

    def __init__(self) -> None:
        self.text, self.state, self.now, self.cost, self.built = "one", "running", 0.0, 2.0, 0
        self.error: Exception | None = None

    def progress(self) -> Progress:
        return Progress(self.state, 1, 2)  # type: ignore[arg-type]  # the test's states are those of Progress

    def signature(self) -> tuple[object, ...]:
        return (self.text,)

    def html(self, progress: Progress) -> str:
        if self.error:
            raise self.error
        self.built += 1
        self.now += self.cost
        return f"<body>{self.text}</body>"


@pytest.fixture
def server() -> Iterator[PageServer]:
    served = PageServer()
    yield served
    served.close()


@pytest.fixture
def files() -> Files:
    return Files()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def watcher(files: Files, server: PageServer, said: list[str]) -> Watcher:
    return Watcher(files, server, said.append, lambda: files.now)


def state(server: PageServer) -> dict[str, Any]:
    with urllib.request.urlopen(f"{server.url}state", timeout=20) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_pages_are_built_for_a_share_of_the_time(files: Files, watcher: Watcher) -> None:
    watcher.look()
    assert files.built == 1
    for number in range(2000):  # the log grows at each look, ten looks a second
        files.text, files.now = str(number), files.now + 0.1
        watcher.look()
    assert files.built * files.cost <= 0.12 * files.now
    assert files.built >= 0.08 * files.now / files.cost


def test_nothing_is_built_while_nothing_changes(files: Files, watcher: Watcher) -> None:
    for _ in range(5):
        files.now += 100
        watcher.look()
    assert files.built == 1


def test_the_last_page_does_not_wait(files: Files, watcher: Watcher, server: PageServer, said: list[str]) -> None:
    watcher.look()
    files.text, files.state = "the end", "finished"
    watcher.look()
    assert files.built == 2
    assert state(server)["state"] == "finished"
    assert said == ["running: step 1 of 2", "finished: step 1 of 2"]


def test_a_page_that_cannot_be_built_leaves_the_one_before(files: Files, watcher: Watcher, server: PageServer) -> None:
    watcher.look()
    files.error, files.text, files.now = OSError("half-written"), "two", 100
    watcher.look()
    found = state(server)
    assert found["version"] == 1
    assert "could not be rebuilt: OSError: half-written" in found["words"]
    files.error, files.text, files.now = None, "three", 200
    watcher.look()
    assert state(server)["version"] == 2


# Ctrl-C works also where a shell has started this in the background, with SIGINT ignored.
FOLLOW = (
    "import signal, sys\nfrom codo.cli import main\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\nsys.exit(main(sys.argv[1:]))"
)


def wait_for(ready: Any, seconds: float = 300) -> None:
    """Wait until ``ready()``; the limit only ends a test that has failed."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "this did not happen"
        time.sleep(0.2)


@pytest.fixture
def training(catalog: Path, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A pretraining in another process that lasts until it is ended."""
    settings = tiny.settings(catalog, tmp_path / "run", probe=None, steps=100_000, log={"every": 1, "progress": False})
    code = "import json, sys\nimport codo\ncodo.pretrain(**json.loads(sys.argv[1]))"
    with subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        run = tmp_path / "run"
        wait_for(lambda: process.poll() is not None or (run / "metrics.jsonl").is_file())
        assert process.poll() is None
        yield run, process
        process.kill()


def test_a_real_run_is_followed_until_it_is_killed(training: tuple[Path, subprocess.Popen[bytes]]) -> None:
    run, process = training
    command = [sys.executable, "-c", FOLLOW, "view", str(run), "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as viewer:
        try:
            assert viewer.stdout is not None
            assert viewer.stdout.readline().startswith("running")
            url = viewer.stdout.readline().strip()

            def now() -> dict[str, Any]:
                with urllib.request.urlopen(f"{url}state", timeout=60) as answer:
                    found: dict[str, Any] = json.load(answer)
                return found

            first = now()
            assert first["state"] == "running"
            with urllib.request.urlopen(url, timeout=60) as answer:
                assert "Wait for the end before you judge" in answer.read().decode()
            wait_for(lambda: now()["words"] != first["words"])
            process.kill()
            wait_for(lambda: now()["state"] == "stopped")
            assert now()["version"] > first["version"]
            wait_for(lambda: "Run the same command again to resume" in urllib.request.urlopen(url).read().decode())
            viewer.send_signal(signal.SIGINT)
            assert viewer.wait(60) == 0
            assert viewer.stderr is not None
            assert viewer.stderr.read() == "\nno longer followed\n"
        finally:
            viewer.kill()
    assert not (run / "report.html").exists()  # nothing is written
