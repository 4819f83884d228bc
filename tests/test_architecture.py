"""The rules of the layout: imports point one way, sizes, mirrored tests; looking at the command line costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import codo

SOURCE = Path(codo.__file__).parent
TESTS = Path(__file__).parent

# Modules that need no test file of their own, and why.
UNTESTED: dict[str, str] = {
    "training/job.py": "only the parts that training/test_trainer.py drives the loop with",
}

# Test files about more than one module, and what they are about.
CROSS_CUTTING = {
    "catalog/test_object_store.py": "images in a real S3 server: requests, and faults on the way",
    "detection/test_formats.py": "COCO, VOC and YOLO versions of one data set are finetuned alike",
    "detection/test_how_to.py": "the commands of the how-to pages about finetuning",
    "detection/test_imported.py": "a trunk through a file of another library",
    "detection/test_leaks.py": "finetune and evaluate both warn of pretraining images",
    "detection/test_round_trip.py": "pretrain, export, finetune",
    "detection/test_two_processes.py": "torchrun with finetune and evaluate",
    "exporters/test_how_to.py": "the how-to page about exports",
    "exporters/test_normalization.py": "mean and deviation of pretraining in every export",
    "methods/test_two_ranks.py": "losses over all samples, of several methods, on two ranks",
    "methods/test_end_to_end.py": "end-to-end keys of several methods, by hand and on two ranks",
    "methods/test_in_batch.py": "negatives of the batch, of several methods, by hand and on two ranks",
    "reporting/test_in_browser.py": "every kind of page in a browser: scripts, accessibility",
    "watching/test_in_browser.py": "a page in a browser that is refreshed while it is served",
    "pretext/test_shortcuts.py": "what pretext tasks learn from noise, with and without their tricks",
    "preparation/test_resume.py": "prepare, killed or shared out, at every stage",
    "training/test_normalization.py": "pretraining, resuming and reading a run with its own mean and deviation",
    "test_architecture.py": "the layout itself",
    "test_upgrades.py": "what an earlier version recorded: settings, catalogs, checkpoints, comparisons",
    "test_kernels.py": "what compiled functions return, wherever they stand",
    "test_messages.py": "flags and settings that messages name, wherever they stand",
    "test_dependencies.py": "what is imported is declared",
    "test_notebooks.py": "the notebooks of the docs, run from top to bottom",
    "test_docs.py": "the commands of README and tutorial",
    "test_extras.py": "extras with the real packages, which CI does not install",
    "test_packaging.py": "version, systems, extras and workflow, which several files name",
    "test_public_api.py": "the names that the package exports, and their examples",
    "test_site.py": "the pages of the site, and the check of its links",
    "test_recipes.py": "the shipped recipes, which are YAML",
    "training/test_object_store.py": "images and mirrors in a real S3 server: prepare, pack, train, resume elsewhere",
    "training/test_in_batch.py": "runs with negatives of the batch, stopped and resumed",
    "training/test_pixels.py": "bands and ranges of a run in its exports, finetuning, probes and comparison",
    "training/test_resume.py": "pretrain, killed or stopped, on one rank and two",
    "test_wheel.py": "the wheel, installed by itself and used from elsewhere",
}

# A package may import those below it, never one above.
ORDER = [
    "__init__",
    "cli",
    "command_line",
    "doctor",
    "convert",
    "demo",
    "comparison",
    "tables",
    "detection",
    "exporters",
    "planning",
    "training",
    "mirror",
    "optim",
    "probes",
    "watching",
    "reporting",
    "advice",
    "pretext",
    "methods",
    "evaluation",
    "duplicates",
    "loading",
    "annotations",
    "label_formats",
    "layouts",
    "geometry",
    "preparation",
    "sources",
    "catalog",
    "rasters",
    "views",
    "saliency",
    "proposals",
    "models",
    "contrast",
    "recipes",
    "machine",
    "core",
]


def package(module: str) -> str:
    """The package of ``codo.loading.pasted_views`` is ``loading``; of ``codo`` itself ``__init__``."""
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
    if mine in ("__init__", "cli", "command_line"):
        return  # these see every package
    for module in imports(path):
        assert ORDER.index(package(module)) >= ORDER.index(mine), f"{mine} imports {module}, which stands above it"


def test_every_package_has_its_place() -> None:
    packages = {path.relative_to(SOURCE).with_suffix("").parts[0] for path in FILES}
    assert packages <= set(ORDER)


def lines(path: Path) -> int:
    """How many lines a file has."""
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_files_are_short(path: Path) -> None:
    assert lines(path) <= 350


def test_packages_hold_one_idea() -> None:
    packages = {path.relative_to(SOURCE).parts[0] for path in FILES if path.parent != SOURCE}
    sizes = {name: sum(map(lines, (SOURCE / name).rglob("*.py"))) for name in packages}
    assert {name: size for name, size in sizes.items() if size > 2800} == {}


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


def test_every_module_has_a_test_that_mirrors_it() -> None:
    modules = {str(path.relative_to(SOURCE)) for path in FILES if path.name != "__init__.py"}
    tested = {name for name in modules if (TESTS / name).with_name(f"test_{Path(name).name}").is_file()}
    assert sorted(modules - tested - UNTESTED.keys()) == [], "have no tests/…/test_NAME.py"
    assert sorted(UNTESTED.keys() - (modules - tested)) == [], "are exceptions and need not be"
    assert len(UNTESTED) < 12


def test_tests_mirror_the_source() -> None:
    tests = {str(path.relative_to(TESTS)) for path in TESTS.rglob("test_*.py")}
    tests = {name for name in tests if not name.startswith("benchmarks/")}  # these mirror benchmarks/
    mirrors = {name for name in tests if (SOURCE / name).with_name(Path(name).name.removeprefix("test_")).is_file()}
    assert sorted(tests - mirrors - CROSS_CUTTING.keys()) == [], "mirror no module"
    assert sorted(CROSS_CUTTING.keys() - (tests - mirrors)) == [], "are exceptions and need not be"


def test_tests_weigh_enough() -> None:
    """Seven bytes of tests for ten of source at least."""
    source, tests = (sum(path.stat().st_size for path in folder.rglob("*.py")) for folder in (SOURCE, TESTS))
    assert tests >= 0.7 * source
