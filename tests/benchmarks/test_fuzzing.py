"""The short part of the fuzzing that runs in the suite: the same mutants in every run, and checks that can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from benchmarks.fuzzing import archives, images, labels
from benchmarks.fuzzing.__main__ import finished
from benchmarks.fuzzing.batches import drawn, make
from benchmarks.fuzzing.formats import ACCEPTED, FAILURE, Given
from benchmarks.fuzzing.image_mutants import png_chunks, png_file
from benchmarks.fuzzing.mutations import mutate
from benchmarks.fuzzing.registry import FORMATS

ROOT = Path(__file__).parents[2]


def test_a_few_mutants_break_no_rule(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.fuzzing", "png", "tar", "--mutants=40", f"--out={tmp_path}"]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = finished(tmp_path / "results.jsonl")
    assert [(row["format"], sum(row["counts"].values())) for row in rows] == [("png", 40), ("tar", 40)]
    assert all(row["counts"].get("accepted") and len(row["counts"]) > 1 for row in rows)
    again = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True)
    assert again.stdout.count("\n") == 4, "finished batches are not run again: only the table is printed"


def test_mutants_depend_on_the_seed_alone() -> None:
    seeds = archives.small_images()
    assert make(FORMATS["png"], [png_file([(b"IHDR", bytes(13))])], "1", 9) == make(
        FORMATS["png"], [png_file([(b"IHDR", bytes(13))])], "1", 9
    )
    assert repr(drawn(3, 20)) == repr(drawn(3, 20)) != repr(drawn(4, 20))
    assert mutate(Random(0), seeds[0], seeds) != mutate(Random(1), seeds[0], seeds)


def test_a_file_that_is_lost_is_a_failure(tmp_path: Path) -> None:
    """The check of the images can fail: of a name that no file has, neither image nor rejection is found."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.png").write_bytes(archives.small_images()[1])
    outcomes = images.prepared(source, tmp_path / "catalog", ["a.png", "b.png"], {})
    assert [one.kind for one in outcomes] == [ACCEPTED, FAILURE]
    assert outcomes[1].why.startswith("lost")


def test_objects_that_are_lost_are_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels.voc_seeds(tmp_path)
    seed = Given(tmp_path / "0.xml", None, tmp_path)
    assert labels.read_voc(seed, tmp_path / "read").kind == ACCEPTED
    monkeypatch.setattr(labels, "_declared", lambda one, kind: 99)
    assert labels.read_voc(seed, tmp_path / "again").kind == FAILURE


def test_chunks_are_written_as_they_were() -> None:
    data = archives.small_images()[1]
    assert png_file(png_chunks(data)) == data


GUARDED = """
import socket, subprocess, sys
from pathlib import Path
from benchmarks.fuzzing.guard import Guard
inside, outside = Path(sys.argv[1]), Path(sys.argv[2])
guard = Guard(inside)
guard.start()
def tried(action):
    try:
        action()
    except PermissionError:
        pass
    print([one.partition(" ")[0] for one in guard.take()])
tried(lambda: (inside / "a").write_text("x"))
tried(lambda: (outside / "a").write_text("x"))
tried(lambda: (inside / "a").rename(outside / "b"))
tried(lambda: subprocess.run(["true"]))
tried(lambda: socket.create_connection(("127.0.0.1", 9)))
"""


def test_the_guard_sees_and_refuses(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    command = [sys.executable, "-c", GUARDED, str(tmp_path / "inside"), str(tmp_path)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == ["[]", "['write:']", "['write:']", "['code:']", "['network:']"]
    assert [path.name for path in tmp_path.iterdir()] == ["inside"]
