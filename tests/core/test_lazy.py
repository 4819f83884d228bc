from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import codo

SOURCE = Path(codo.__file__).parent
PACKAGES = sorted(
    ".".join(("codo", *path.parent.relative_to(SOURCE).parts))
    for path in SOURCE.rglob("__init__.py")
    if "lazy_exports" in path.read_text(encoding="utf-8")
)
EVERYTHING = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
    for path in SOURCE.rglob("*.py")
    if path.name != "__init__.py"
)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package ``lazy_sample`` with a function ``draw`` in a module of that name, and one in another."""
    folder = tmp_path / "lazy_sample"
    folder.mkdir()
    exports = {"draw": "draw", "other": "rest.deep"}
    (folder / "__init__.py").write_text(
        f"from codo.core.lazy import lazy_exports\n__getattr__, __dir__, __all__ = lazy_exports(__name__, {exports})\n"
    )
    (folder / "draw.py").write_text("def draw():\n    return 'drawn'\n\nCONSTANT = 1\n")
    (folder / "rest").mkdir()
    (folder / "rest" / "__init__.py").touch()
    (folder / "rest" / "deep.py").write_text("def other():\n    return 'other'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "lazy_sample"
    for name in [name for name in sys.modules if name.split(".")[0] == "lazy_sample"]:
        del sys.modules[name]


def test_a_name_is_imported_when_it_is_used(package: str) -> None:
    module = import_module(package)
    assert f"{package}.draw" not in sys.modules
    assert module.draw() == "drawn"
    assert f"{package}.draw" in sys.modules
    assert f"{package}.rest.deep" not in sys.modules
    assert module.other() == "other"
    assert module.__dict__["draw"] is module.draw


def test_the_function_wins_whatever_was_imported_first(package: str) -> None:
    submodule = import_module(f"{package}.draw")
    module = import_module(package)
    assert module.draw is submodule.draw
    assert module.draw() == "drawn"
    assert import_module(f"{package}.draw") is submodule
    assert submodule.CONSTANT == 1


def test_other_submodules_are_attributes_as_ever(package: str) -> None:
    import_module(f"{package}.rest.deep")
    assert import_module(package).rest is sys.modules[f"{package}.rest"]


def test_a_name_can_be_replaced_and_put_back(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(package)
    with monkeypatch.context() as patch:
        patch.setattr(module, "draw", lambda: "patched")
        assert module.draw() == "patched"
    assert module.draw() == "drawn"


def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    module = import_module(package)
    with pytest.raises(AttributeError, match="module 'lazy_sample' has no attribute 'drawing'"):
        _ = module.drawing
    assert {"draw", "other", "__name__"} <= set(dir(module))
    assert module.__all__ == ["draw", "other"]


def declared(package: str) -> dict[str, str]:
    """What type checkers are told: public name -> module, of the block under TYPE_CHECKING."""
    tree = ast.parse(Path(import_module(package).__file__ or "").read_text(encoding="utf-8"))
    blocks = [n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    found = {}
    for node in (statement for block in blocks for statement in block.body):
        assert isinstance(node, ast.ImportFrom), ast.unparse(node)
        for alias in node.names:
            assert alias.asname == alias.name, f"{package}: {alias.name} is no re-export for a type checker"
            found[alias.name] = node.module or ""
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_are_told_what_the_interpreter_finds(package: str) -> None:
    module = import_module(package)
    names = declared(package)
    assert sorted(names) == module.__all__
    for name, home in names.items():
        assert getattr(module, name) is getattr(import_module(home), name), f"{package}.{name}"


def test_all_packages_export_their_names() -> None:
    folders = {f"codo.{path.parent.name}" for path in SOURCE.glob("*/__init__.py")}
    assert {"codo", *folders} <= set(PACKAGES)


CHECK = """
import sys
from importlib import import_module
for name in {first}:
    import_module(name)
for package in {packages}:
    module = import_module(package)
    for name in module.__all__:
        scope = {{}}
        exec(f"from {{package}} import {{name}}", scope)
        value = scope[name]
        assert value is getattr(module, name), (package, name)
        assert not isinstance(value, type(sys)), f"{{package}}.{{name}} is a module"
"""


@pytest.mark.parametrize("first", [[], EVERYTHING], ids=["names first", "modules first"])
def test_every_name_is_the_same_in_a_fresh_process(first: list[str]) -> None:
    done = run(CHECK.format(first=first, packages=PACKAGES))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_costs_nothing_until_it_is_used(package: str) -> None:
    """In one process for all would be cheaper, but what the first has imported the second gets for nothing."""
    heavy = "{'torch', 'numpy', 'cv2', 'numba', 'pydantic', 'pyarrow', 'matplotlib', 'yaml'}"
    code = f"import sys, {package}\nfound = {heavy} & set(sys.modules)\nassert not found, found"
    done = run(code)
    assert done.returncode == 0, done.stderr
