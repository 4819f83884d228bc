"""The commit that a version is from."""

from __future__ import annotations

import subprocess
from pathlib import Path

from codo.core.version import commit


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    return subprocess.run(
        ["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True
    ).stdout


def test_a_checkout_says_its_commit_and_whether_files_differ(tmp_path: Path) -> None:
    package = tmp_path / "src" / "codo"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "src")
    git(tmp_path, "commit", "--quiet", "--message", "first")
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    assert commit(package) == head[:12]
    commit.cache_clear()
    (package / "__init__.py").write_text("changed")
    assert commit(package) == f"{head[:12]}+changes"


def test_an_installed_package_says_what_was_written_when_it_was_built(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "codo"
    package.mkdir(parents=True)
    git(tmp_path, "init", "--quiet")  # an environment inside of another project's checkout
    assert commit(package) == ""
    commit.cache_clear()
    (package / "commit.txt").write_text("0123456789ab\n")
    assert commit(package) == "0123456789ab"
