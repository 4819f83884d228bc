"""What pyproject.toml cannot say: the commit that is built is written into the package (`codo.core.version`)."""

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
FILE = "commit.txt"


def commit() -> str:
    """The commit of this checkout; in an unpacked sdist, which has no history, that of the file in it."""
    if (HERE / ".git").exists():
        command = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+changes", "--abbrev=12", "--exclude=*"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        return found.stdout.strip()
    written = HERE / "src/codo" / FILE
    return written.read_text(encoding="utf-8") if written.is_file() else ""


class BuildWithCommit(build_py):
    """Writes the commit beside the modules that were copied."""

    def run(self) -> None:  # noqa: D102 (of setuptools)
        super().run()
        if not self.editable_mode:
            (Path(self.build_lib) / "codo" / FILE).write_text(commit(), encoding="utf-8")


class SdistWithCommit(sdist):
    """Writes the commit into the archive, whose contents have no history."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:  # noqa: D102
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / "src/codo" / FILE).write_text(commit(), encoding="utf-8")


setup(cmdclass={"build_py": BuildWithCommit, "sdist": SdistWithCommit})
