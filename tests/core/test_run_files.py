"""What the files of a run say, whole, missing, and broken: a report is wanted most when something went wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.run import Run, start_run
from codo.core.run_files import commands_of, config_of, environment_of, recipe_of, warnings_of

CONFIG = {"seed": 0, "optim": {"lr": 0.1}}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = start_run(tmp_path / "run", CONFIG, "pretrain", "cpu")
    made.unlock()
    return made


def test_a_whole_run(run: Run) -> None:
    assert config_of(run) == CONFIG
    assert environment_of(run)["verb"] == "pretrain"
    assert environment_of(run)["device"] == "cpu"
    assert len(commands_of(run)) == 1


def test_an_empty_folder_says_nothing_and_breaks_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert config_of(run) == {}
    assert environment_of(run) == {}
    assert commands_of(run) == []
    assert recipe_of(run) == ""
    assert warnings_of(run) == []


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\x00", b"{ torn"])
def test_broken_files(run: Run, damage: bytes) -> None:
    for name in ("config.yaml", "environment.json", "command.txt", "train.log"):
        (run.path / name).write_bytes(damage)
    assert config_of(run) == {}
    assert environment_of(run) == {}
    assert recipe_of(run) == ""
    assert warnings_of(run) == []


@pytest.mark.parametrize(
    ("line", "recipe"),
    [
        ("codo pretrain -c laptop out=run  # 2024-01-01", "laptop"),
        ("codo pretrain --config 'my recipe.yaml' out=run", "my recipe.yaml"),
        ("codo pretrain --config a -c b", "a"),
        ("codo pretrain out=run # -c laptop", ""),
        ("codo pretrain out=run -c", ""),
        ("codo pretrain -c 'torn", ""),
    ],
)
def test_the_recipe_of_the_first_command(tmp_path: Path, line: str, recipe: str) -> None:
    (tmp_path / "command.txt").write_text(f"{line}\ncodo pretrain -c later\n")
    assert recipe_of(Run(tmp_path)) == recipe


def test_every_warning_once_in_its_order(tmp_path: Path) -> None:
    (tmp_path / "train.log").write_text(
        "2024-01-01T00:00:00 step 1: loss=1\n"
        "2024-01-01T00:00:01 WARNING the queue is small\n"
        "2024-01-01T00:00:02 WARNING another\n"
        "2024-01-01T00:00:03 WARNING the queue is small\n"
        "2024-01-01T00:00:04 said: WARNING in a sentence\n"
    )
    assert warnings_of(Run(tmp_path)) == ["the queue is small", "another"]
