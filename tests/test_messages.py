"""What messages tell the user to type exists: every flag is one of the command line, every setting one of a verb's."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import codo
from codo import cli
from codo.comparison.compare_settings import CompareSettings
from codo.detection.evaluate import EvaluateSettings
from codo.detection.finetune_settings import FinetuneSettings
from codo.methods.registry import METHODS, find_method
from codo.planning.plan import PlanSettings
from codo.preparation.prepare_settings import PrepareSettings
from codo.reporting.view import ViewSettings
from codo.training.pretrain_settings import PretrainSettings
from codo.training.probing import ProbeVerbSettings

SOURCE = Path(codo.__file__).parent
FLAG = re.compile(r"(?<![\w-])(?<!var\()--[a-z][a-z-]*")  # var(--grid) is a style sheet's
SETTING = re.compile(r"(?<![\w.{\[<-])([a-z][a-z_]*(?:\.[a-z_]+)*)=")
NOT_OURS = {
    **dict.fromkeys(("--cpus", "--shm-size"), "docker's"),
    "--head": "Ray's",
    **dict.fromkeys(("--abbrev", "--always", "--dirty", "--exclude"), "git's"),
}


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of all string literals, f-strings with ``{}`` for what is put in."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def options(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a parser and of its verbs."""
    found = set()
    for action in parser._actions:
        found |= set(action.option_strings)
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                found |= options(verb)
    return found


def test_every_flag_in_a_string_is_one_of_the_command_line() -> None:
    known = options(cli.build_parser())
    named = {
        (flag, f"{path.relative_to(SOURCE)}:{line}")
        for path in SOURCE.rglob("*.py")
        for line, text in strings(ast.parse(path.read_text(encoding="utf-8")))
        for flag in FLAG.findall(text)
    }
    assert len(named) > 20
    assert {(flag, where) for flag, where in named if flag not in known | NOT_OURS.keys()} == set()


def settings_of(schema: type[BaseModel], prefix: str = "") -> set[str]:
    """The names of all settings with dots, those of groups included."""
    found = set()
    for name, field in schema.model_fields.items():
        found.add(prefix + name)
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                found |= settings_of(kind, f"{prefix}{name}.")
    return found


def advice(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings that errors are made of: what they are called with, and what is named ``what`` or ``fix``."""
    for node in ast.walk(tree):
        named = [node.arg] if isinstance(node, ast.keyword) else []
        if isinstance(node, ast.Assign):
            named = [target.id for target in node.targets if isinstance(target, ast.Name)]
        if isinstance(node, ast.keyword | ast.Assign) and {"what", "fix"} & set(named):
            yield from strings(node.value)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "").endswith("Error"):
            for given in node.args:
                yield from strings(given)


ROOTS = (
    PrepareSettings,
    PretrainSettings,
    FinetuneSettings,
    EvaluateSettings,
    CompareSettings,
    ProbeVerbSettings,
    PlanSettings,
    ViewSettings,
)


def test_every_setting_in_an_error_exists() -> None:
    known = {name for schema in ROOTS for name in settings_of(schema)}
    known |= {f"options.{name}" for method in METHODS for name in settings_of(find_method(method).Options)}
    known |= {name for verb in codo.__all__ for name in inspect.signature(getattr(codo, verb)).parameters}
    named = {
        (name, f"{path.relative_to(SOURCE)}:{line}")
        for path in SOURCE.rglob("*.py")
        for line, text in advice(ast.parse(path.read_text(encoding="utf-8")))
        for name in SETTING.findall(text)
    }
    assert len(named) > 50
    others = {"key": "key=value stands for any", "weights_only": "torch.load's"}
    assert {(name, where) for name, where in named if name not in known | others.keys()} == set()


@pytest.mark.parametrize("text", ["give --recipe NAME", "use (--select) X", "name it with --outs"])
def test_a_flag_that_does_not_exist_would_be_found(text: str) -> None:
    assert set(FLAG.findall(text)) - options(cli.build_parser())


def test_strings_of_f_strings_are_whole() -> None:
    tree = ast.parse("""fix = f"add {name}=1 and --jobs {n}" """)
    assert list(strings(tree)) == [(1, "add {}=1 and --jobs {}")]
    assert SETTING.findall("add {}=1, optim.lr=2 or 'data.val=FILE'") == ["optim.lr", "data.val"]
