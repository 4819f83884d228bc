"""Verbs, options and settings in any order."""

from __future__ import annotations

import pytest

from codo.command_line.parser import build_parser
from codo.command_line.verbs import VERBS


def test_every_verb_is_in_the_help() -> None:
    text = build_parser().format_help()
    assert all(f"    {verb} " in text or f"    {verb}\n" in text for verb in VERBS)


ORDERS = [
    ("prepare", ["photos"], ["--out", "c", "--jobs", "2", "--no-proposals"], ["max_rejected=0.2"]),
    ("pretrain", [], ["-c", "laptop", "--profile"], ["optim.lr=0.1", "backgrounds=[a,b]"]),
    ("finetune", [], ["--config", "x=y.yaml"], ["data=d", "out=o"]),
    ("compare", [], ["-c", "table1"], ["jobs=2", "out=o"]),
    ("view", ["run"], ["--images", "3", "--out=p.html"], ["data=d", "by=segm"]),
    ("evaluate", ["run"], ["--debug"], ["data=d"]),
    ("probe", ["run"], ["--debug"], ["data=d"]),
    ("plan", ["laptop"], ["--debug"], ["gpus=8"]),
]


@pytest.mark.parametrize(("verb", "first", "options", "settings"), ORDERS, ids=[row[0] for row in ORDERS])
def test_settings_may_stand_anywhere(verb: str, first: list[str], options: list[str], settings: list[str]) -> None:
    """Before, between and after options and what the verb is about."""
    parser = build_parser()
    expected = vars(parser.parse_args([verb, *first, *settings, *options]))
    assert all(word in str(expected) for word in settings)
    for words in (
        [*first, *options, *settings],
        [*options, *first, *settings],
        [*first, *settings[:1], *options, *settings[1:]],
    ):
        assert vars(parser.parse_args([verb, *words])) == expected


def test_an_option_may_be_given_as_a_setting() -> None:
    parser = build_parser()
    assert vars(parser.parse_args(["prepare", "photos", "out=a=b", "jobs=2"])) == vars(
        parser.parse_args(["prepare", "photos", "--out", "a=b", "--jobs", "2"])
    )
    assert parser.parse_args(["view", "run", "images=3", "out=p.html"]).images == 3
    assert parser.parse_args(["export", "to=timm", "run"]).to == "timm"
    assert parser.parse_args(["pretrain", "out=run"]).settings == ["out=run"]  # a setting there
    assert parser.parse_args(["prepare", "p", "--out", "jobs=2"]).out == "jobs=2"  # the value of an option
