"""The wheel, installed by itself into a new environment and used from elsewhere: its files, the commit, `codo`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.catalog.pictures import jpegs, write_folder

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, as a build leaves files in the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    made = shutil.ignore_patterns("__pycache__", "*.egg-info", "commit.txt")
    shutil.copytree(ROOT / "src", source / "src", ignore=made)
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    (source / "src/codo/commit.txt").write_text("0123456789ab")  # as in an sdist
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*PIP, *build], check=True, capture_output=True)
    (built,) = folder.glob("codo_detect-*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path) -> Path:
    """A new virtual environment with the wheel; it sees the dependencies that are installed here, but no checkout."""
    folder = wheel.parent / "environment"
    venv.create(folder, symlinks=True)
    python = str(folder / "bin" / "python")
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    # A folder in a .pth file is searched, but its own .pth files, such as that of an editable install, are not read.
    here = {sysconfig.get_paths()[kind] for kind in ("purelib", "platlib")}
    (Path(paths["purelib"]) / "dependencies.pth").write_text("\n".join(sorted(here)))
    install = ["--python", python, "install", "--no-deps", "--no-index", "--ignore-installed", str(wheel)]
    subprocess.run([*PIP, *install], check=True, capture_output=True)
    return folder


def codo(environment: Path, cwd: Path, *arguments: str) -> str:
    """What the installed command prints."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    command = [str(environment / "bin" / "codo"), *arguments]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_file_of_the_package_is_in_it_and_no_other(wheel: Path) -> None:
    source = wheel.parent / "source" / "src"
    expected = {path.relative_to(source).as_posix() for path in source.glob("codo/**/*") if path.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert len([name for name in expected if not name.endswith(".py")]) > 60  # recipes, tables, templates, scripts
    assert names == expected


def test_what_runs_is_the_wheel(environment: Path, tmp_path: Path) -> None:
    code = "import codo.cli, sys; print(codo.cli.__file__)"
    python = [str(environment / "bin" / "python"), "-P", "-c", code]
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(python, cwd=tmp_path, env=variables, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(environment)


def test_all_requirements_of_the_environment_are_met(environment: Path) -> None:
    command = [*PIP, "--python", str(environment / "bin" / "python"), "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_version_names_the_commit(environment: Path, tmp_path: Path) -> None:
    assert codo(environment, tmp_path, "--version") == "codo-detect 0.1.0 (0123456789ab)\n"


def test_doctor(environment: Path, tmp_path: Path) -> None:
    report = codo(environment, tmp_path, "doctor")
    assert "codo-detect 0.1.0 (0123456789ab)\n" in report
    assert report.count(" ok   ") == 5
    assert "FAIL" not in report


def test_files_that_only_some_commands_read(environment: Path, tmp_path: Path) -> None:
    assert " laptop " in codo(environment, tmp_path, "recipes")
    assert "pretrain" in codo(environment, tmp_path, "completion", "fish")
    assert "cpj.jitter" in codo(environment, tmp_path, "settings", "cpj.jitter")


def test_three_steps_and_an_export(environment: Path, tmp_path: Path) -> None:
    write_folder(tmp_path / "photos", jpegs(8, width=120, height=100))
    small = ["canvas=32", "batch_size=4", "workers=0", "model.width=0.125", "optim.warmup_steps=1", "probe.every=0"]
    sources = ["foregrounds=photos", "backgrounds=[photos]", "cpj.min_side=8", "out=run"]
    codo(environment, tmp_path, "pretrain", "-c", "laptop", "steps=3", *small, *sources)
    assert "torchvision" in codo(environment, tmp_path, "export", "run", "--to", "torchvision")
    assert (tmp_path / "run" / "report.html").is_file()
