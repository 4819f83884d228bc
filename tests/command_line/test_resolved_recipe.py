"""A resolved recipe loads again, with the same settings."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from codo.command_line.resolved_recipe import TAKE_RECIPES, accepting_verb, difference_text, missing, resolved_text
from codo.command_line.schemas import GIVEN_OTHERWISE, SCHEMAS
from codo.core.config import read_recipe, resolve, shipped_recipes
from codo.core.errors import InputError


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_loads_again(name: str, tmp_path: Path) -> None:
    verb, values = accepting_verb(name), read_recipe(name)
    given = dict.fromkeys(missing(verb, values), "folder")
    file = tmp_path / "resolved.yaml"
    file.write_text(text := resolved_text(name))
    assert resolve(SCHEMAS[verb], file, given) == resolve(SCHEMAS[verb], name, given)
    left_out = {*given, *GIVEN_OTHERWISE.get(verb, ())}
    assert yaml.safe_load(text).keys() == SCHEMAS[verb].model_fields.keys() - left_out
    assert all(setting in text.splitlines()[1] for setting in given)


@pytest.mark.parametrize("verb", TAKE_RECIPES)
def test_every_kind_of_recipe_is_shipped(verb: str) -> None:
    assert verb in {accepting_verb(name) for name in shipped_recipes()}


def test_values_have_their_default_beside_them() -> None:
    lines = resolved_text("laptop").splitlines()
    assert "canvas: 64  # default: 224" in lines
    assert "  jitter: 0.35  # default: 0.2" in lines
    assert "  max_tries: 20" in lines
    assert "# To be given as well: foregrounds, backgrounds, out." in lines
    assert "  labeled: null" in resolved_text("short_runs").splitlines()
    assert "# To be given as well: data, out, pools.images, pools.scenes, pools.labeled." in resolved_text("short_runs")


def test_a_file_of_the_user(tmp_path: Path) -> None:
    """With short forms, a group that is off, names of its own and a base."""
    file = tmp_path / "own.yaml"
    file.write_text("base: finetune_laptop\ndata: my labels\nout: run\noptim: {lr_factors: {fpn: 0.5}}\n")
    again = tmp_path / "again.yaml"
    again.write_text(text := resolved_text(str(file)))
    assert "To be given" not in text
    assert resolve(SCHEMAS["finetune"], again) == resolve(SCHEMAS["finetune"], file)
    file.write_text(
        "base: laptop\nforegrounds: a\nbackgrounds: {query: [a, b@0.5], key: [c]}\nout: 'no'\nprobe: null\n"
    )
    again.write_text(resolved_text(str(file)))
    assert resolve(SCHEMAS["pretrain"], again) == resolve(SCHEMAS["pretrain"], file)


def test_two_recipes_against_each_other() -> None:
    rows = [line.split() for line in difference_text("laptop", "codo_200ep").splitlines()]
    assert rows[0] == ["laptop", "codo_200ep"]
    assert ["cpj.jitter", "0.35", "0.2"] in rows
    assert ["canvas", "64", "224"] in rows
    names = [row[0] for row in rows[1:]]
    assert "cpj.max_tries" not in names  # equal
    assert not {"out", "foregrounds"} & set(names)
    assert difference_text("laptop", "laptop") == "laptop and laptop have the same settings"


def test_recipes_of_different_verbs_have_no_settings_to_compare() -> None:
    with pytest.raises(InputError, match="'finetune_laptop' one of codo finetune"):
        difference_text("laptop", "finetune_laptop")


def test_settings_of_no_verb_are_an_error(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("canvas: 64\nviews: 2\nshort_sides: [64]\n")
    with pytest.raises(InputError, match="no verb takes a recipe with these settings: short_sides"):
        resolved_text(str(file))
