"""docs/how-to/export.md: its commands run as they stand; its Python is what the exports say of themselves, and runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from codo.cli import main
from codo.core.run import Run
from codo.exporters.target import Target
from codo.exporters.trunk import TrunkWeights
from codo.exporters.write import TARGETS
from tests.test_docs import blocks, commands

PAGE = "docs/how-to/export.md"
TARGETS_SHOWN: list[Target] = [
    TARGETS["torchvision"]("mask_rcnn"),
    TARGETS["torchvision"]("retinanet"),
    TARGETS["detectron2"]("mask_rcnn"),
    TARGETS["mmdet"]("mask_rcnn"),
    TARGETS["resnet"]("mask_rcnn"),
    TARGETS["timm"]("mask_rcnn"),
    TARGETS["safetensors"]("mask_rcnn"),
    TARGETS["hub"]("mask_rcnn"),
]
NOT_HERE = ("import detectron2", "from detectron2", "from mmengine", "USER/NAME")  # the hub: see test_load_trunk.py


def test_the_commands_run_as_written(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "runs").mkdir()
    run.path.rename(tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    found = commands(PAGE)
    assert {command[command.index("--to") + 1] for command in found} == set(TARGETS)
    for command in found:
        assert main(command[1:]) == 0, capsys.readouterr().err
        assert Path(capsys.readouterr().out.strip()).exists()


def test_every_block_is_the_usage_of_a_target(full_trunk: Callable[[str], TrunkWeights]) -> None:
    trunk = full_trunk("4conv1fc")
    assert blocks(PAGE, "python") == [target.usage(trunk, target.filename) for target in TARGETS_SHOWN]


@pytest.mark.parametrize("number", range(len(TARGETS_SHOWN)), ids=[target.filename for target in TARGETS_SHOWN])
def test_the_code_runs(
    number: int, full_trunk: Callable[[str], TrunkWeights], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for what is not here, libraries and the hub: that has to be Python at least."""
    code, target = blocks(PAGE, "python")[number], TARGETS_SHOWN[number]
    compiled = compile(code, PAGE, "exec")
    if any(name in code for name in NOT_HERE):
        return
    monkeypatch.chdir(tmp_path)
    target.write(full_trunk("4conv1fc"), Path(target.filename))
    scope: dict[str, Any] = {}
    exec(compiled, scope)
    assert {"detector", "model", "trunk"} & scope.keys()
