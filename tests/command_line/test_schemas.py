"""The settings of each verb are those that the parser takes."""

from __future__ import annotations

import argparse

import pytest

from codo.command_line.parser import build_parser
from codo.command_line.schemas import SCHEMAS, TAKE_METHODS, options_of_methods, settings_of
from codo.core.config import schema_keys
from codo.methods.registry import METHODS, find_method


def test_verbs_with_settings_have_a_schema() -> None:
    (verbs,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    with_settings = {
        name
        for name, parser in verbs.choices.items()
        if any("key=value" in str(action.metavar) for action in parser._actions)
    }
    assert with_settings == SCHEMAS.keys()


@pytest.mark.parametrize("verb", SCHEMAS)
def test_every_name_is_known_to_the_verb(verb: str) -> None:
    names = [setting.name for setting in settings_of(verb)]
    assert len(names) == len(set(names)) > 3
    assert set(names) < set(schema_keys(SCHEMAS[verb]))  # which has the groups as well


def test_settings_that_trials_set_are_left_out() -> None:
    assert {"weights", "seed", "data.fraction"} & {setting.name for setting in settings_of("compare")} == set()
    assert {"weights", "seed", "data.fraction"} <= {setting.name for setting in settings_of("finetune")}


def test_options_are_those_of_the_methods() -> None:
    found = list(options_of_methods())
    for name in METHODS:
        assert [option.name for owner, option in found if owner == name] == [
            f"options.{field}" for field in find_method(name).Options.model_fields
        ]
    assert all("method" in {setting.name for setting in settings_of(verb)} for verb in TAKE_METHODS)
