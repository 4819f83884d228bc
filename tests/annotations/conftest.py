"""One data set in every layout, and what the command line answers to spoiled copies of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from codo.cli import main
from tests.annotations.layouts import copy, write_every_layout
from tests.annotations.refusals import Refuses, Spoil, check_lines, state


@pytest.fixture(scope="session")
def right(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two splits of four images with two objects each, in every format."""
    return write_every_layout(tmp_path_factory.mktemp("right"))


@pytest.fixture
def spoil(right: dict[str, Path], tmp_path: Path) -> Spoil:
    return lambda kind: copy(right[kind], tmp_path / kind)


@pytest.fixture
def answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[list[str]], list[str]]:
    """What ``codo`` prints on a command that it refuses, having written nothing."""

    def run(arguments: list[str]) -> list[str]:
        before = state(tmp_path)
        assert main(arguments) == 2
        assert state(tmp_path) == before
        printed = capsys.readouterr()
        assert printed.out == ""
        return printed.err.splitlines()

    return run


@pytest.fixture
def refuses(answer: Callable[[list[str]], list[str]], tmp_path: Path) -> Refuses:
    def check(data: Path, what: str, where: str, *more: str) -> None:
        check_lines(answer(["finetune", f"data={data}", f"out={tmp_path / 'run'}", "steps=1", *more]), what, where)

    return check
