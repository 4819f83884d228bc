"""What is uploaded, in which order, and what happens when it cannot be."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codo.core.run import Run
from codo.mirror import upload
from codo.mirror.restore import restore
from codo.mirror.upload import Mirror, files_of
from tests.mirror.runs import CONFIG, add_checkpoint, started
from tests.object_store import Fault, Store, impatient


@pytest.fixture
def told() -> list[str]:
    """Warnings and messages."""
    return []


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """One of two checkpoints."""
    return started(tmp_path / "run", 2, 4)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LOOK", 0.02)


def open_mirror(run: Run, s3: Store, told: list[str]) -> Mirror:
    mirror = Mirror(run, f"{s3.url}/run", lambda text: told.append(f"WARNING {text}"), told.append)
    mirror.start()
    return mirror


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_is_there_at_the_end_and_what_was_deleted_is_not(run: Run, s3: Store, told: list[str]) -> None:
    mirror = open_mirror(run, s3, told)
    until(lambda: "checkpoints/step-00000004.pt" in s3.names("run"))
    add_checkpoint(run, 6)
    (run.checkpoints_dir / "step-00000002.pt").unlink()
    until(lambda: "checkpoints/step-00000006.pt" in s3.names("run"))  # at once, not after LOGS seconds
    (run.path / "report.html").write_text("report")
    mirror.close()
    assert s3.names("run") == sorted([*files_of(run.path)])
    for name in s3.names("run"):
        assert s3.fs.cat_file(f"{s3.url}/run/{name}") == (run.path / name).read_bytes()
    assert told == []


def test_every_listing_is_a_state_to_resume_from(run: Run, s3: Store, told: list[str], tmp_path: Path) -> None:
    """Looked at before each of its requests: settings and the log are there before a checkpoint, ``last`` behind it."""
    seen: list[list[str]] = []
    names = s3.names
    s3.faults.append(Fault("before", times=1000, method="PUT", action=lambda: seen.append(names("run"))))
    mirror = open_mirror(run, s3, told)
    until(lambda: "checkpoints/last" in names("run"))
    (run.checkpoints_dir / "step-00000002.pt").unlink()
    s3.faults.append(Fault("before", times=1000, method="DELETE", action=lambda: seen.append(names("run"))))
    add_checkpoint(run, 6)
    mirror.close()
    s3.faults.clear()
    seen.append(names("run"))
    assert len(seen) > 8
    had = 0
    for listing in seen:
        checkpoints = [name for name in listing if name.startswith("checkpoints/step")]
        if checkpoints:
            assert {"config.yaml", "environment.json", "metrics.jsonl"} <= set(listing)
        if "checkpoints/last" in listing:
            assert checkpoints
        assert int(bool(checkpoints)) >= had  # once there is one, there always is
        had = int(bool(checkpoints))
    assert had
    assert s3.fs.cat_file(f"{s3.url}/run/checkpoints/last") == b"step-00000006.pt\n"
    run.unlock()
    assert restore(f"{s3.url}/run", tmp_path / "new", CONFIG, "pretrain")


def test_resuming_does_not_copy_checkpoints_again(run: Run, s3: Store, told: list[str]) -> None:
    open_mirror(run, s3, told).close()
    s3.forget()
    open_mirror(run, s3, told).close()
    assert not [one for one in s3.requests if one.method == "PUT" and "step-" in one.key]


def test_checkpoints_of_another_machine_that_is_ahead_are_left(run: Run, s3: Store, told: list[str]) -> None:
    mirror = open_mirror(run, s3, told)
    until(lambda: "checkpoints/last" in s3.names("run"))
    s3.put({"checkpoints/step-00000008.pt": b"8"}, "run")
    add_checkpoint(run, 6)
    mirror.close()
    assert "checkpoints/step-00000008.pt" in s3.names("run")


def test_a_newer_checkpoint_that_is_damaged_here_stays_there(run: Run, s3: Store, told: list[str]) -> None:
    add_checkpoint(run, 6)
    open_mirror(run, s3, told).close()
    (run.checkpoints_dir / "step-00000006.pt").unlink()  # as a run that resumes from step 4 does
    mirror = open_mirror(run, s3, told)
    add_checkpoint(run, 5)
    mirror.close()
    assert {f"checkpoints/step-0000000{step}.pt" for step in (5, 6)} <= set(s3.names("run"))


def test_a_store_that_refuses_is_told_once_and_tried_again(
    run: Run, s3: Store, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    refusing = Fault("slow down", times=1000, method="PUT")
    s3.faults.append(refusing)
    mirror = open_mirror(run, s3, told)
    until(lambda: bool(told))
    assert "cannot be written (OSError: Please reduce your request rate.); the run goes on" in told[0]
    refusing.times = 0
    until(lambda: len(told) > 1)
    assert told[1:] == [f"the mirror {s3.url}/run is complete again"]
    assert "checkpoints/step-00000004.pt" in s3.names("run")
    mirror.close()
    assert len(told) == 2


def test_what_is_missing_at_the_end_is_told(
    run: Run, s3: Store, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    s3.faults.append(Fault("hang", times=1000, method="PUT", key="step-00000004"))
    open_mirror(run, s3, told).close()
    assert told[-1].startswith(f"WARNING not in the mirror {s3.url}/run: checkpoints/step-00000004.pt (")
    assert told[-1].endswith("the same command again copies them")
    assert "checkpoints/last" not in s3.names("run")
    s3.faults.clear()
    open_mirror(run, s3, told).close()
    assert "checkpoints/step-00000004.pt" in s3.names("run")


def test_hidden_files_and_links_are_no_files_of_the_run(run: Run) -> None:
    (run.path / ".x.host.1.tmp").write_text("half")
    (run.path / "link").symlink_to(run.path / "config.yaml")
    (run.path / ".cache").mkdir()
    (run.path / ".cache/a").write_text("a")
    names = files_of(run.path)
    assert {"config.yaml", "checkpoints/last", "checkpoints/step-00000004.pt"} <= names.keys()
    assert not {"link", ".lock", ".cache/a", ".x.host.1.tmp"} & names.keys()
