"""What users import: every public name has an example in its docstring, and all of them run, in one folder.

The folder has ``photos``, ``labeled`` and tiny recipes under the names of shipped ones; the catalog, runs and exports
that examples read are made by the examples that show how.
"""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import codo
from codo.core.lazy import lazy_exports
from tests.annotations.synthetic import TINY, coco, write
from tests.test_docs import ROOT, blocks
from tests.training.tiny import MODEL

PAGE = "docs/how-to/trunk.md"

MAKERS = ("prepare", "pretrain", "finetune", "export")
"""Names whose examples make what the others read, in this order."""

EXAMPLES: dict[str, Any] = {
    "codo": codo,
    **{f"codo.{name}": getattr(codo, name) for name in codo.__all__},
    "codo.Trunk.from_pretrained": codo.Trunk,
    "codo.views.CopyPasteJitter": import_module("codo.views").CopyPasteJitter,
    "codo.contrast.info_nce": import_module("codo.contrast").info_nce,
    "codo.contrast.LevelQueue": import_module("codo.contrast").LevelQueue,
    "codo.models.Encoder": import_module("codo.models").Encoder,
    "codo.core.lazy.lazy_exports": lazy_exports,
}
PRETRAIN = {
    "canvas": 64,
    "batch_size": 8,
    "steps": 2,
    "workers": 0,
    "device": "cpu",
    "model": MODEL,
    "contrast": {"queue": 16, "bn_groups": 2},
    "probe": None,
}
FINETUNE = {
    "base": "finetune_laptop.yaml",
    "steps": 2,
    "batch_size": 2,
    "workers": 0,
    "device": "cpu",
    "masks": False,
    "short_sides": [64],
    "max_size": 96,
    "model": MODEL,
    "detector": TINY["detector"],
}


def run_example(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the example of a name as doctest does, in the folder."""
    monkeypatch.chdir(folder)
    example = doctest.DocTestParser().get_doctest(EXAMPLES[name].__doc__ or "", {}, name, None, None)
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(example, out=said.append)
    assert runner.failures == 0, "".join(said)


@pytest.fixture(scope="module")
def folder(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, with everything in it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("examples")
    (folder / "photos").symlink_to(photos)
    write(folder / "labeled", *coco(6), "train")
    write(folder / "labeled", *coco(4, seed=1), "val")
    (folder / "laptop").write_text(yaml.safe_dump(PRETRAIN))
    (folder / "finetune_laptop").write_text(yaml.safe_dump(FINETUNE))
    with pytest.MonkeyPatch.context() as patch:
        # Pages take longer than the runs that they show, and have tests of their own.
        patch.setattr("codo.reporting.report.write_report", lambda run: None)
        for name in MAKERS:
            run_example(f"codo.{name}", folder, patch)
        codo.export(folder / "runs/mine", to="hub", out=folder / "hub/mine")
    return folder


@pytest.fixture
def quietly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder, with nothing printed but what an example gives."""
    monkeypatch.setattr("codo.reporting.report.write_report", lambda run: None)
    for module in ("compare", "scheduler"):  # progress
        quiet = import_module(f"codo.comparison.{module}")
        monkeypatch.setattr(quiet, "print", lambda *_, **__: None, raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str, quietly: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_example(name, quietly, monkeypatch)


def test_the_python_of_the_how_to_runs(quietly: Path) -> None:
    found = blocks(PAGE, "python")
    assert len(found) >= 3
    for number, code in enumerate(found):
        scope: dict[str, Any] = {}  # each block stands alone
        exec(compile(code, f"{PAGE}, block {number + 1}", "exec"), scope)
        if "vectors" in scope:
            assert scope["vectors"].shape == (2, MODEL["head_dim"])


def test_the_line_of_the_how_to_runs_in_a_shell(quietly: Path) -> None:
    (line,) = [line for block in blocks(PAGE) for line in block.splitlines() if line.startswith("python -c ")]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        line, shell=True, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("('backbone', 'fpn', 'box_head') (16, 16, 16, 16) (0.485, 0.456, 0.406)")


def test_a_finetuned_detector_gives_its_trunk(quietly: Path) -> None:
    trunk = codo.load_trunk("runs/detector/exports/detector.safetensors")
    assert trunk.parts == ("backbone", "fpn", "box_head")
    assert trunk.settings.fpn_channels == MODEL["fpn_channels"]
    assert not torch.equal(
        trunk.fpn.state_dict()["inner_blocks.0.0.weight"],
        codo.load_trunk("runs/mine").fpn.state_dict()["inner_blocks.0.0.weight"],
    )
    with pytest.raises(codo.CodoError, match="only pretraining runs can be exported") as caught:
        codo.load_trunk("runs/detector")
    assert "exports/detector.safetensors" in caught.value.fix


def test_names_of_the_building_blocks_are_exported() -> None:
    rows = [
        line.split("|")
        for line in (ROOT / PAGE).read_text(encoding="utf-8").splitlines()
        if line.startswith("| `codo.")
    ]
    assert len(rows) >= 7
    for _, package, names, *_ in rows:
        exported = import_module(package.strip(" `")).__all__
        assert {name.strip(" `") for name in names.split(",")} <= set(exported), package
