"""Comparisons that are really run: equal to single runs, stopped, killed, gone on with, failed in part."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import codo
from codo.cli import main
from codo.compare import schedule
from codo.compare.cells import RESULT
from codo.compare.comparison import Comparison
from codo.config import flatten
from codo.errors import CodoError, InputError


def results(out: Path) -> dict[str, float]:
    """Modification time of every cell's result."""
    return {str(file.relative_to(out)): file.stat().st_mtime_ns for file in sorted(out.rglob(RESULT))}


def test_all_cells_are_done_and_shown(done: Comparison) -> None:
    assert len(done.finished) == len(done.cells) == 8
    assert done.missing == []
    assert done.parts == {"none": "nothing", "codo": "backbone, fpn, box_head"}
    assert [done.images(fraction) for fraction in done.fractions] == [4, 8]
    files = {"cells", "compare.yaml", "results.csv", "summary.csv", "table.tex", "report.html"}
    assert {entry.name for entry in done.out.iterdir()} - {".lock"} == files
    assert "8 of 8 cells are finished" in (done.out / "report.html").read_text()


def test_a_cell_is_what_finetune_and_evaluate_give_alone(
    done: Comparison, protocol: dict[str, Any], tmp_path: Path
) -> None:
    own = {key: value for key, value in protocol.items() if key not in ("inits", "fractions", "seeds", "data")}
    data = {"folder": protocol["data"], "fraction": 0.5, "fraction_seed": 1}
    weights = done.out.parent / "run"
    run = codo.finetune(weights=str(weights), seed=1, data=data, out=str(tmp_path / "single"), **own)
    assert codo.evaluate(run, workers=0) == done.finished["codo", 0.5, 1]
    cell = next(cell for cell in done.cells if cell.key == ("codo", 0.5, 1))
    assert (cell.path / "labelled_images.txt").read_text() == (run.path / "labelled_images.txt").read_text()


def test_all_initialisations_learn_from_the_same_labels(done: Comparison) -> None:
    drawn = {cell.key: (cell.path / "labelled_images.txt").read_text() for cell in done.cells}
    for _, fraction, seed in drawn:
        assert drawn["none", fraction, seed] == drawn["codo", fraction, seed]
    assert drawn["none", 0.5, 0] != drawn["none", 0.5, 1]


def test_the_same_again_does_nothing_and_more_seeds_add_cells(
    done: Comparison, protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(done.out, out)
    before = results(out)
    done_now: list[str] = []

    def count(settings: Any) -> None:
        done_now.append(settings.out)
        (Path(settings.out)).mkdir(parents=True)
        (Path(settings.out) / RESULT).write_text(json.dumps({"bbox": {"AP": 0.5}}))

    monkeypatch.setattr(schedule, "finish", count)
    codo.compare(out=str(out), **protocol)
    assert done_now == []
    codo.compare(out=str(out), **{**protocol, "seeds": [0, 1, 2]})
    assert len(done_now) == 4
    assert all(path.endswith("seed-2") for path in done_now)
    assert {name: when for name, when in results(out).items() if name in before} == before


def test_another_protocol_is_refused_in_the_same_folder(done: Comparison, protocol: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"the comparison in out= has this cell with other settings \(steps: 2 -> 3\)"):
        codo.compare(out=str(done.out), **{**protocol, "steps": 3})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inits": ["none", "a=absent.pth"]}, "absent.pth"),
        ({"inits": ["none"], "data": "nowhere"}, "nowhere"),
        ({"fractions": [0.01]}, "batch_size=2 is larger"),
        ({"model": {"backbone": "resnet50"}}, "resnet50"),
    ],
)
def test_everything_is_checked_before_anything_is_written(
    changes: dict[str, Any], message: str, protocol: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        codo.compare(out=str(tmp_path / "out"), **{**protocol, **changes})
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_left_alone(protocol: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"no comparison \(it has thesis.tex\)"):
        codo.compare(out=str(tmp_path), **protocol)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_cell_that_fails_does_not_stop_the_others(
    protocol: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some(settings: Any) -> None:
        if settings.seed == 0 and settings.weights == "none":
            raise CodoError("the loss is nan at step 1", where="x", fix="y")
        Path(settings.out).mkdir(parents=True)
        (Path(settings.out) / RESULT).write_text(json.dumps({"bbox": {"AP": 0.5}}))

    monkeypatch.setattr(schedule, "finish", some)
    out = tmp_path / "out"
    assert main(["compare", *arguments({**protocol, "fractions": [1]}, out)]) == 1
    assert (
        "1 of 4 cells failed; the first: none, 100% of the labels, seed 0: the loss is nan" in capsys.readouterr().err
    )
    assert len(results(out)) == 3
    assert "the loss is nan at step 1" in (out / "report.html").read_text()


def arguments(settings: dict[str, Any], out: Path) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in flatten({**settings, "out": str(out)}).items()]


def test_killed_in_the_middle_it_finishes_the_missing_cells_alone(
    done: Comparison, protocol: dict[str, Any], tmp_path: Path
) -> None:
    """By kill -9, with two processes at work; the numbers are those of a comparison that nobody disturbed."""
    out = tmp_path / "out"
    more = {**protocol, "fractions": [1], "jobs": 2, "checkpoint_every": 1}
    command = [sys.executable, "-m", "codo.cli", "compare", *arguments(more, out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not results(out) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    before = results(out)
    assert 1 <= len(before) < 4
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = results(out)
    assert len(after) == 4
    assert {name: when for name, when in after.items() if name in before} == before
    found = {str(file.relative_to(out)): json.loads(file.read_text()) for file in out.rglob(RESULT)}
    expected = {str(f.relative_to(done.out)): json.loads(f.read_text()) for f in done.out.rglob(RESULT)}
    assert found == {name: numbers for name, numbers in expected.items() if name in found}
