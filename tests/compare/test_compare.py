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
from tests.training import tiny


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


def expected(done: Comparison, out: Path) -> dict[str, Any]:
    """What the undisturbed comparison has for the cells that lie in ``out``."""
    return {name: json.loads((done.out / name).read_text()) for name in results(out)}


def found(out: Path) -> dict[str, Any]:
    return {name: json.loads((out / name).read_text()) for name in results(out)}


def test_killed_in_the_middle_it_finishes_the_missing_cells_alone(
    done: Comparison, protocol: dict[str, Any], tmp_path: Path
) -> None:
    """By kill -9; the numbers are those of a comparison that nobody disturbed."""
    out = tmp_path / "out"
    words = ["compare", *arguments({**protocol, "jobs": 1, "checkpoint_every": 1}, out)]
    command = [sys.executable, "-m", "codo.cli", *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while len(results(out)) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    before = results(out)
    assert 2 <= len(before) < 8
    assert main(words) == 0
    after = results(out)
    assert len(after) == 8
    assert {name: when for name, when in after.items() if name in before} == before
    assert found(out) == expected(done, out)


def test_several_at_a_time_compute_the_same(done: Comparison, protocol: dict[str, Any], tmp_path: Path) -> None:
    out = tmp_path / "out"
    two = {**protocol, "inits": ["none"], "fractions": [0.5], "jobs": 2, "model": tiny.MODEL}
    codo.compare(out=str(out), **two)
    assert len(found(out)) == 2
    assert found(out) == expected(done, out)
    assert sorted(log.name for log in (out / "logs").iterdir()) == [
        "none-fraction-0.5-seed-0.log",
        "none-fraction-0.5-seed-1.log",
    ]


def test_a_process_stops_with_its_parent(done: Comparison, tmp_path: Path) -> None:
    """The end of its input is all that a process gets when the comparison is killed."""
    settings = done.cells[0].settings.model_copy(update={"out": str(tmp_path / "cell"), "steps": 100_000})
    command = [sys.executable, "-m", "codo.compare.process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(settings.model_dump_json() + "\n")
        process.stdin.close()
        assert process.wait(120) == 143


def test_backbones_alone_and_whole_trunks_are_compared_in_one_detector(
    protocol: dict[str, Any], catalog: Path, tmp_path: Path
) -> None:
    """A method of whole images has settings of pyramid and head too, which it never built: they do not count."""
    other = {**tiny.MODEL, "fpn_channels": 24, "head_dim": 48}
    given = tiny.settings(catalog, tmp_path / "moco", method="moco_v2", epochs=None, probe=None, steps=2, model=other)
    del given["backgrounds"]
    codo.pretrain(**given)
    inits = [*protocol["inits"], f"moco={tmp_path / 'moco'}"]
    few = {**protocol, "inits": inits, "fractions": [0.5], "seeds": [0]}
    found = codo.compare(out=str(tmp_path / "out"), **few)
    assert found.parts == {"none": "nothing", "codo": "backbone, fpn, box_head", "moco": "backbone"}
    # The dimensions of the embedding are no part of a detector.
    assert len({str(cell.settings.model.model_copy(update={"dim": 2})) for cell in found.cells}) == 1
    assert len(found.finished) == 3
