"""Settings and options in any order."""

from __future__ import annotations

import pytest

from codo.command_line.verb_parser import VerbParser


@pytest.fixture
def parser() -> VerbParser:
    made = VerbParser()
    made.add_argument("items", nargs="*")
    made.add_argument("--out")
    made.add_argument("--fast", action="store_true")
    return made


@pytest.mark.parametrize(
    "words",
    [
        ["a", "x=1", "--out", "o", "--fast"],
        ["--out", "o", "a", "--fast", "x=1"],
        ["a", "out=o", "x=1", "--fast"],
        ["--fast", "--out=o", "a", "x=1"],
    ],
)
def test_settings_stand_anywhere(parser: VerbParser, words: list[str]) -> None:
    read = parser.parse_args(words)
    assert (read.items, read.out, read.fast) == (["a", "x=1"], "o", True)


def test_only_options_with_a_value_are_settings(parser: VerbParser) -> None:
    read = parser.parse_args(["fast=1", "--out", "out=x"])
    assert (read.items, read.out, read.fast) == (["fast=1"], "out=x", False)
