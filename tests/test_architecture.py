"""The rules of the layout: imports point one way, and looking at the command line costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import codo

SOURCE = Path(codo.__file__).parent

# A package may import those below it, never one above.
ORDER = [
    "__init__",
    "cli",
    "doctor",
    "demo",
    "comparison",
    "detection",
    "exporters",
    "planning",
    "training",
    "probes",
    "reporting",
    "methods",
    "evaluation",
    "loading",
    "annotations",
    "preparation",
    "catalog",
    "views",
    "proposals",
    "models",
    "contrast",
    "recipes",
    "core",
]


def package(module: str) -> str:
    """The room of ``codo.loading.pasted_views`` is ``views``; of ``codo`` itself ``__init__``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports(path: Path) -> list[str]:
    """The modules of this package that a file imports, wherever in the file it does."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "codo" and [alias.name for alias in node.names] == ["__version__"]:
                continue
            assert node.level == 0, f"{path}: relative import"
            found += [node.module]
    return [name for name in found if name.split(".")[0] == "codo"]


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down(path: Path) -> None:
    relative = path.relative_to(SOURCE).with_suffix("")
    mine = relative.parts[0]
    if mine in ("__init__", "cli"):
        return  # these see every package
    for module in imports(path):
        assert ORDER.index(package(module)) >= ORDER.index(mine), f"{mine} imports {module}, which stands above it"


def test_every_package_has_its_place() -> None:
    packages = {path.relative_to(SOURCE).with_suffix("").parts[0] for path in FILES}
    assert packages <= set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize(
    "code",
    ["import codo", "from codo.cli import main; main(['--version'])", "from codo.cli import main; main(['--help'])"],
)
def test_looking_imports_nothing_heavy(code: str) -> None:
    check = f"import sys\ntry:\n    exec({code!r})\nexcept SystemExit:\n    pass\n"
    check += "heavy = {'torch', 'numpy', 'cv2', 'numba', 'pydantic', 'pyarrow', 'matplotlib'} & set(sys.modules)\n"
    check += "assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", check], check=True, stdout=subprocess.DEVNULL)


def test_public_names_exist_and_are_documented() -> None:
    for name in codo.__all__:
        assert getattr(codo, name).__doc__, f"codo.{name} has no docstring"


def test_tests_mirror_the_source() -> None:
    tests = Path(__file__).parent
    others = {"__pycache__", "benchmarks"}  # benchmarks stand beside the package, as their tests do
    for folder in (path for path in tests.iterdir() if path.is_dir() and path.name not in others):
        assert (SOURCE / folder.name).is_dir(), f"tests/{folder.name} mirrors no package"
