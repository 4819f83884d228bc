"""What several files say about the package is the same: version, systems, extras, and the commands of the workflow."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

import codo

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
INSTALL = (ROOT / "docs/how-to/install.md").read_text(encoding="utf-8")


def test_one_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["version"] == codo.__version__ == citation["version"]


def test_the_changelog_begins_with_what_is_unreleased_and_the_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1:2] in ([], [PROJECT["version"]])  # none before the first release


def test_every_declared_python_is_in_the_workflow_and_in_the_table_of_systems() -> None:
    declared = [line.rsplit(" ", 1)[1] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert PROJECT["requires-python"] == f">={declared[0]}"
    matrix = WORKFLOW["jobs"]["newest"]["strategy"]["matrix"]
    assert set(declared) <= set(matrix["python"])
    assert matrix["os"] == ["ubuntu-latest", "macos-latest"]
    systems = (ROOT / "README.md").read_text(encoding="utf-8").split("## Systems")[1].split("\n## ")[0]
    assert all(f"Python {version}" in systems for version in declared)  # tested, or said not to be


def test_the_workflow_runs_what_exists() -> None:
    steps = [step for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    scripts = {name for step in steps for name in re.findall(r"\.ci/[\w-]+", step["run"])}
    assert scripts == {f".ci/{path.name}" for path in (ROOT / ".ci").iterdir() if path.suffix != ".py"}
    assert all(os.access(ROOT / script, os.X_OK) for script in scripts)
    extras = ",".join(name for step in steps for name in re.findall(r"\.\[([\w,]+)\]", step["run"])).split(",")
    assert set(extras) <= PROJECT["optional-dependencies"].keys()


def test_every_extra_has_a_row_that_says_how_it_was_tested() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", INSTALL, flags=re.MULTILINE))
    assert rows.keys() == PROJECT["optional-dependencies"].keys() - {"dev"}
    assert all(re.search(r"in CI|last run on \d{1,2} \w+ 20\d\d|not run", row) for row in rows.values()), rows


def test_paths_of_the_extras_script_exist() -> None:
    paths = re.findall(r"\btests/[\w/.]+", (ROOT / ".ci/extras").read_text(encoding="utf-8"))
    paths += re.findall(r"--ignore (\S+)", (ROOT / ".ci/lower-bounds").read_text(encoding="utf-8"))
    assert len(paths) > 10
    assert [path for path in paths if not (ROOT / path).exists()] == []
