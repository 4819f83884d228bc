"""The kinds of suggestions are those that some rule gives."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import get_args

import codo.advice
from codo.advice.answer import Kind

RULES = Path(codo.advice.__file__).parent


def test_every_kind_is_given_by_a_rule() -> None:
    texts = set()
    for file in RULES.glob("*.py"):
        if file.name != "answer.py":
            tree = ast.parse(file.read_text(encoding="utf-8"))
            texts |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert set(get_args(Kind)) <= texts
