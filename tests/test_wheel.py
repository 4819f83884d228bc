"""The wheel, installed by itself and used from elsewhere: all data files are in it, and the commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.catalog.pictures import jpegs, write_folder

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package alone, installed from its wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # Built from a copy, as a build leaves files in the checkout.
    made = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", source / "src", ignore=made)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    files = {str(path.relative_to(source / "src")) for path in source.glob("src/codo/**/*") if path.is_file()}
    (source / "src/codo/commit.txt").write_text("0123456789ab")  # as in an sdist
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *build], check=True, capture_output=True)
    (wheel,) = folder.glob("codo_detect-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert len(files) > 300
    assert files <= names
    install = ["install", "--no-deps", "--no-index", "--target", str(folder / "packages"), str(wheel)]
    subprocess.run([*pip, *install], check=True, capture_output=True)
    return folder / "packages"


def codo(packages: Path, cwd: Path, *arguments: str) -> str:
    code = f"import sys, codo.cli as c; assert c.__file__.startswith({str(packages)!r}), c.__file__; sys.exit(c.main())"
    environment = {**os.environ, "PYTHONPATH": str(packages), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_version_names_the_commit(installed: Path, tmp_path: Path) -> None:
    assert codo(installed, tmp_path, "--version") == "codo-detect 0.1.0 (0123456789ab)\n"


def test_three_steps_and_an_export(installed: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", jpegs(8, width=120, height=100))
    small = ["canvas=32", "batch_size=4", "workers=0", "model.width=0.125", "optim.warmup_steps=1", "probe.every=0"]
    sources = ["foregrounds=photos", "backgrounds=[photos]", "cpj.min_side=8", "out=run"]
    codo(installed, tmp_path, "pretrain", "-c", "laptop", "steps=3", *small, *sources)
    assert "torchvision" in codo(installed, tmp_path, "export", "run", "--to", "torchvision")
    assert (tmp_path / "run" / "report.html").is_file()
