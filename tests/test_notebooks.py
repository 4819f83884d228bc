"""The notebooks: each runs from top to bottom in a process of its own, and what it shows is fit for a page of the site.

The last cell of a notebook, which the site leaves out, asserts what its text says about its numbers. They take three
minutes of a core, so they run where CODO_NOTEBOOK_CACHE names a cache of jupyter-cache, as in CI: the executed
notebooks go there, and ``make docs``, which has its own in docs/_build/.jupyter_cache, does then not run them again.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest
from jupyter_cache import get_cache
from jupyter_cache.cache.main import CacheBundleIn
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs/notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.py"))
SECONDS = 600
"""Limit of a cell. On an idle core a whole notebook takes less than a minute."""
MOST_LINES = 25
"""Of text below a cell: more is a wall of log."""


def read(path: Path) -> Any:
    """A percent script as the notebook that the site makes of it."""
    return jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")


def test_all_five_are_here() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "proposals-and-cpj",
        "reading-a-run",
        "weights-elsewhere",
        "your-images-to-a-detector",
        "your-own-method",
    ]


@pytest.mark.skipif("CODO_NOTEBOOK_CACHE" not in os.environ, reason="CODO_NOTEBOOK_CACHE=DIR runs the notebooks")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_is_fit_to_show(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = sorted(FOLDER.rglob("*"))
    notebook = read(path)
    resources = {"metadata": {"path": str(FOLDER)}}
    # Without times in the metadata, by which the cache knows a notebook (findings/jupyter_cache_record_timing.sh).
    NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", record_timing=False, resources=resources).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 2
    texts = [output.get("text", output.get("data", {}).get("text/plain", "")) for output in outputs]
    for text in texts:
        assert str(tmp_path) not in text, "a path of this machine on a page"
        assert len(text.splitlines()) <= MOST_LINES
    assert any(texts)
    assert "remove-cell" in notebook.cells[-1].metadata["tags"]
    assert "assert " in notebook.cells[-1].source
    assert sorted(FOLDER.rglob("*")) == before, "something was written beside the notebooks"
    assert not list(tmp_path.glob("tmp*")), "a temporary folder was left behind"
    if cache := os.environ.get("CODO_NOTEBOOK_CACHE"):
        get_cache(ROOT / cache).cache_notebook_bundle(CacheBundleIn(notebook, str(path)), overwrite=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_is_a_script_without_magics(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    compile(text, str(path), "exec")
    assert "get_ipython" not in text
    assert not re.search(r"^# [%!]\w", text, flags=re.MULTILINE)  # how jupytext comments magics out
    assert read(path).cells[0].source.startswith("# "), "a page begins with its title"


def test_runs_as_a_script_from_anywhere(tmp_path: Path) -> None:
    environment = {**os.environ, "MPLBACKEND": "Agg", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, FOLDER / "proposals-and-cpj.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "objects have a proposal" in done.stdout
