"""What is imported is declared: nothing may work only because another package happens to bring it along."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import codo

SOURCE = Path(codo.__file__).parent
PROJECT = tomllib.loads((SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# Distributions of extras, which need not be installed where the tests run.
DISTRIBUTIONS = {
    "huggingface_hub": "huggingface_hub",
    "mlflow": "mlflow-skinny",
    "ray": "ray",
    "timm": "timm",
    "wandb": "wandb",
}
# Libraries that exports are for. They have no wheels to declare, and an export says so where they are missing.
USERS_OWN = {"detectron2", "mmdet", "mmengine"}

# Declared without an import of ours, and who asks for them.
NOT_IMPORTED = {
    "gcsfs": "fsspec, for gs://",
    "s3fs": "fsspec, for s3://",
    "scikit-image": "its photographs alone are read, by the demo",
    "scikit-learn": "its photographs alone are read, by the demo",
    "tensorboard": "torch.utils.tensorboard",
}


def imported(path: Path) -> set[str]:
    """Top-level names that a file imports, by a statement or by ``import_module("…")``."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            for one in node.args:  # also f"lightly.{module}"
                first = one.values[0] if isinstance(one, ast.JoinedStr) else one
                names += [first.value] if isinstance(first, ast.Constant) and isinstance(first.value, str) else []
    return {name.split(".")[0] for name in names}


def normal(distribution: str) -> str:
    """The one spelling of a distribution: ``PyYAML>=6`` is ``pyyaml``."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", distribution)[0]).lower()


def test_every_import_is_declared() -> None:
    extras = {name: set(map(normal, listed)) for name, listed in PROJECT["optional-dependencies"].items()}
    users = set().union(*(listed for name, listed in extras.items() if name != "dev"))
    declared = users | set(map(normal, PROJECT["dependencies"]))
    installed = packages_distributions()
    missing = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for name in imported(path) - set(sys.stdlib_module_names) - {"codo"} - USERS_OWN:
            distributions = [DISTRIBUTIONS[name]] if name in DISTRIBUTIONS else installed.get(name, [name])
            if not declared & set(map(normal, distributions)):
                missing[name] = str(path.relative_to(SOURCE))
    assert missing == {}


def test_every_dependency_is_used() -> None:
    extras = {name: set(map(normal, listed)) for name, listed in PROJECT["optional-dependencies"].items()}
    tools = {"dev", "docs"}  # used from the command line and in tests
    declared = set(map(normal, PROJECT["dependencies"])).union(
        *(listed for name, listed in extras.items() if name not in tools)
    )
    installed = packages_distributions()
    used = {
        normal(distribution)
        for name in set().union(*map(imported, SOURCE.rglob("*.py")))
        for distribution in ([DISTRIBUTIONS[name]] if name in DISTRIBUTIONS else installed.get(name, [name]))
    }
    assert declared - used == NOT_IMPORTED.keys()


def test_every_dependency_has_a_bound_and_a_reason() -> None:
    text = (SOURCE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("\ndependencies = [\n")[1].split("\n]\n")[0].splitlines()
    assert len(block) == len(PROJECT["dependencies"]) >= 15
    for line in block:
        assert re.fullmatch(r'  "[\w\[\]-]+>=[\d.]+",\s*# .+', line), line


def test_exceptions_are_needed() -> None:
    names = set().union(*map(imported, SOURCE.rglob("*.py")))
    assert names >= USERS_OWN | set(DISTRIBUTIONS)
