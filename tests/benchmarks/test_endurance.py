"""The kill harness sees what it looks for, and its record survives its own kill."""

from __future__ import annotations

import csv
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks.endurance.contents import differences, digests, half_written
from benchmarks.endurance.record import Record, summary, write_table

from codo.core.io import temporary_path

PAGE = "<!DOCTYPE html><html><body><h1>Run</h1><p>3 s</p></body></html>\n"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run leaves, in the smallest."""
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "report.html").write_text(PAGE)
    (folder / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5, "time/memory_mb": 9}\n')
    (folder / "command.txt").write_text("codo\n")
    (folder / "result.json").write_text('{"AP": 0.1}')
    for step in (2, 4):
        path = folder / f"checkpoints/step-{step:08d}.pt"
        torch.save({"step": step, "method": {"w": torch.ones(3)}, "row": {"time/s": 1.0}}, path)
    return folder


def test_times_and_older_checkpoints_are_no_difference(run: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    (other / "report.html").write_text(PAGE.replace("3 s", "4 s"))
    (other / "metrics.jsonl").write_text('{"step": 1, "loss": 0.5, "time/memory_mb": 7}\n')
    (other / "command.txt").write_text("codo\ncodo\n")
    (other / "checkpoints/step-00000002.pt").rename(other / "checkpoints/step-00000003.pt")
    again = {"step": 4, "method": {"w": torch.ones(3)}, "row": {"time/s": 2.0}}
    torch.save(again, other / "checkpoints/step-00000004.pt")
    assert differences(digests(run), digests(other)) == []


def test_every_other_difference_is_told(run: Path) -> None:
    wanted = digests(run)
    (run / "result.json").unlink()
    (run / "metrics.jsonl").write_text('{"step": 1, "loss": 0.25}\n')
    (run / "report.html").write_text(PAGE.replace("Run", "Other"))
    torch.save({"step": 4, "method": {"w": torch.zeros(3)}}, run / "checkpoints/step-00000004.pt")
    stray = temporary_path(run / "config.yaml")
    stray.write_text("half")
    assert sorted(differences(wanted, digests(run))) == [
        "different: checkpoints/newest.pt",
        "different: metrics.jsonl",
        "different: report.html",
        "missing: result.json",
        f"stray: {stray.name}",
    ]


@pytest.mark.parametrize("name", ["report.html", "result.json", "checkpoints/step-00000004.pt"])
def test_half_written_files_are_found(name: str, run: Path) -> None:
    assert half_written(run) == []
    path = run / name
    os.truncate(path, path.stat().st_size // 2)
    assert [one.split(":")[1].strip() for one in half_written(run)] == [name]


def kill(chain: int, case: str, **values: Any) -> dict[str, Any]:
    about = {"fault": "SIGKILL", "code": -9, "message": "", "moment": "CPU 1 s", "process": "command", "commit": "a"}
    return {"chain": chain, "case": case, "kill": 0, **about, **values}


def test_only_compared_chains_after_the_last_repeat_count(tmp_path: Path) -> None:
    path = tmp_path / "kills.jsonl"
    record = Record(path)
    record.add(kill(0, "prepare"), {"chain": 0, "case": "prepare", "compared": True, "violations": ["stray: x"]})
    record.add(kill(1, "export"), {"chain": 1, "case": "export", "compared": True, "violations": []})
    record.add({"repeat": "prepare"}, kill(2, "prepare"))
    with path.open("a") as file:
        file.write(json.dumps(kill(3, "prepare"))[:20])  # killed here
    record = Record(path)
    assert record.chains() == 3
    assert [row["chain"] for row in record.counted()] == [1]
    record.add({"chain": 2, "case": "prepare", "compared": True, "violations": []})
    assert [row["chain"] for row in record.counted()] == [1, 2]
    assert (record.superseded(), len(record.violations()), len(record.violations(False))) == (1, 0, 1)
    assert "| all | 2 | 2 | 2 |" in summary(record)
    assert len(Record(path).counted()) == 2
    write_table(record, tmp_path / "kills.csv")
    rows = list(csv.DictReader((tmp_path / "kills.csv").read_text().splitlines()))
    assert [(row["chain"], row["case"]) for row in rows] == [("1", "export"), ("2", "prepare")]
