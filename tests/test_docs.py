"""The commands of README and tutorial, run as they stand.

Only the recipes are replaced by tiny ones of the same names, which lie in the folder the commands run in.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from codo.core.config import read_recipe
from codo.demo.synthetic.scenes import write_demo
from tests.training.tiny import MODEL

ROOT = Path(__file__).parent.parent
PRETRAIN = {
    "canvas": 64,
    "batch_size": 4,
    "steps": 2,
    "workers": 0,
    "model": MODEL,
    "contrast": {"queue": 8, "bn_groups": 2},
    "probe": {"proposals": 4, "group": 4},
}
FINETUNE = {
    "base": "finetune_laptop.yaml",
    "steps": 2,
    "workers": 0,
    "short_sides": [64],
    "max_size": 64,
    "model": MODEL,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with photos/, labeled/ and tiny recipes."""
    data = write_demo(tmp_path / "data", size=64, objects=8, train=6, val=3, use_photographs=False)
    (tmp_path / "photos").symlink_to(data.unlabeled)
    (tmp_path / "labeled").symlink_to(data.train.parent)
    for name in ("one_gpu", "laptop"):
        (tmp_path / name).write_text(yaml.safe_dump(PRETRAIN))
    (tmp_path / "finetune_laptop").write_text(yaml.safe_dump(FINETUNE))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def blocks(page: str, language: str = "") -> list[str]:
    """The fenced code blocks of a page."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [code for found, code in re.findall(r"```(\w*)\n(.*?)```", text, flags=re.DOTALL) if found == language]


def commands(page: str) -> list[list[str]]:
    """The ``codo`` lines of a page, without the whole-demo ones."""
    lines = [line.strip() for block in blocks(page) for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith("codo ")]


@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md"])
def test_commands_run_as_written(page: str, folder: Path) -> None:
    found = commands(page)
    assert len(found) >= 6
    for command in found:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stderr}"
    assert list(folder.glob("runs/*/report.html"))
    assert list(folder.glob("runs/*/exports/*.pth"))


def test_the_documented_comparison_is_of_one_network() -> None:
    """``weights=none`` takes the trunk of the recipe, which must be that of the pretraining recipe beside it."""
    assert (
        read_recipe("laptop")["model"].items() - {("embedding_dim", 128)}
        == read_recipe("finetune_laptop")["model"].items()
    )


def test_python_of_the_readme_runs(folder: Path) -> None:
    (code,) = blocks("README.md", "python")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert -1 <= float(done.stdout.strip().splitlines()[-1]) <= 1


def test_make_targets_of_the_docs_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    for page in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"`?make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8")):
            assert target in targets, f"{page} names make {target}"


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith(("http://", "https://")):
            assert (ROOT / page).parent.joinpath(target).exists(), f"{page} links to {target}"
