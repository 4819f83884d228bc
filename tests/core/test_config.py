"""Recipes and overrides: merging, checking, and errors that help."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from codo.core import config
from codo.core.config import (
    Settings,
    differences,
    flatten,
    merge,
    nearest_setting,
    nest,
    parse_assignments,
    read_recipe,
    resolve,
)
from codo.core.errors import InputError


class Optim(Settings):
    """A group."""

    lr: float = 0.1
    milestones: tuple[int, ...] = (1, 2)


class Example(Settings):
    """A small schema."""

    epochs: int = Field(gt=0)
    name: str = "x"
    optim: Optim = Optim()
    probe: Optim | None = Optim()


def test_assignments_become_nested_yaml_values() -> None:
    given = ["epochs=3", "optim.lr=1e-2", "probe=null", "optim.milestones=[4, 5]", "name=a=b"]
    assert parse_assignments(given) == {
        "epochs": 3,
        "optim": {"lr": "1e-2", "milestones": [4, 5]},  # YAML 1.1 has no 1e-2; the schema reads it as a number
        "probe": None,
        "name": "a=b",
    }
    settings = resolve(Example, None, parse_assignments(given))
    assert settings.optim.lr == 0.01
    assert settings.optim.milestones == (4, 5)
    assert settings.probe is None


def test_merge_leaves_its_arguments_alone() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merge(base, {"a": {"b": 9}, "d": {"e": 1}}) == {"a": {"b": 9, "c": 2}, "d": {"e": 1}}
    assert base == {"a": {"b": 1, "c": 2}, "d": 3}


def test_an_empty_group_takes_the_place_of_what_was_there() -> None:
    assert merge({"a": {"b": 1}, "c": 2}, {"a": {}}) == {"a": {}, "c": 2}
    assert parse_assignments(["a.b=1", "a={}", "a.c=2"]) == {"a": {"c": 2}}


def test_nest_and_flatten_are_inverse() -> None:
    flat = {"a.b.c": 1, "a.d": 2, "e": None}
    assert flatten(nest(flat)) == flat


def test_recipes_build_on_others(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("epochs: 1\noptim: {lr: 0.5}\n")
    (tmp_path / "two.yaml").write_text("base: one.yaml\noptim: {milestones: [7]}\n")
    settings = resolve(Example, tmp_path / "two.yaml", {"optim.lr": 0.25})
    assert (settings.epochs, settings.optim.lr, settings.optim.milestones) == (1, 0.25, (7,))


def test_differences_name_what_changed() -> None:
    old, new = {"a": {"b": 1, "c": 2}, "log": {"x": 1}}, {"a": {"b": 1, "c": 3}, "log": {"x": 2}, "d": 4}
    assert differences(old, new, ignore=["log"]) == ["a.c: 2 -> 3", "d: unset -> 4"]


def test_settings_that_came_later_are_no_difference_at_their_old_meaning() -> None:
    old = {"contrast": {"queue": 8}}
    assert differences(old, {"contrast": {"queue": 8, "negatives": "queue"}}) == []
    found = differences(old, {"contrast": {"queue": 8, "negatives": "batch"}})
    assert found == ["contrast.negatives: queue -> batch"]
    assert differences(old, {"contrast": {"queue": 4}}) == ["contrast.queue: 8 -> 4"]


@pytest.mark.parametrize(
    ("overrides", "what", "fix"),
    [
        ({"epoch": 1}, "unknown setting 'epoch' (and 1 more)", "did you mean 'epochs'?"),
        ({"epochs": 1, "optim.lrr": 1}, "unknown setting 'optim.lrr'", "did you mean 'optim.lr'?"),
        ({"epochs": 1, "lr": 1}, "unknown setting 'lr'", "did you mean 'optim.lr'?"),
        ({"epochs": 1, "zzz": 1}, "unknown setting 'zzz'", "known: epochs, name, optim, probe"),
        ({}, "setting 'epochs' is missing", "add epochs=VALUE"),
    ],
)
def test_errors_help(overrides: dict[str, object], what: str, fix: str) -> None:
    with pytest.raises(InputError) as caught:
        resolve(Example, None, overrides)
    assert caught.value.what == what
    assert caught.value.fix == fix


def test_wrong_types_and_ranges() -> None:
    with pytest.raises(InputError, match="epochs: Input should be greater than 0, got -1"):
        resolve(Example, None, {"epochs": -1})
    with pytest.raises(InputError, match=r"optim.lr: Input should be a valid number.*got 'fast'"):
        resolve(Example, None, {"epochs": 1, "optim.lr": "fast"})


def test_bad_recipes(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_recipe("codo_200epp")
    with pytest.raises(InputError, match="unknown recipe"):
        read_recipe("x" * 300)  # no file can have this name
    (tmp_path / "binary.yaml").write_text("inits: {a: {model: {width: !!binary true}}}")
    with pytest.raises(InputError, match="cannot read the YAML file: binary data"):
        read_recipe(tmp_path / "binary.yaml")
    assert caught.value.fix == "did you mean 'codo_200ep'?"
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(InputError, match="does not hold"):
        read_recipe(tmp_path / "list.yaml")
    (tmp_path / "torn.yaml").write_text("a: [1, 2\n")
    with pytest.raises(InputError, match="cannot read the YAML"):
        read_recipe(tmp_path / "torn.yaml")
    with pytest.raises(InputError, match="not key=value"):
        parse_assignments(["epochs"])


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 101 + "]" * 101,
        "a: &a [*a]",
        "a: 2001-13-01",
        f"a: {'9' * 5000}",
        "\n".join([*(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}' if n else '1'] * 110)}]" for n in range(4)), "b: *a3"]),
        "a: !!python/name:os.getcwd",
    ],
    ids=["deep", "in itself", "no month", "long number", "repeated", "tag"],
)
def test_yaml_that_cannot_be_walked_or_made_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(InputError, match="cannot read the YAML"):
        read_recipe(tmp_path / "a.yaml")
    with pytest.raises(InputError):
        parse_assignments([f"x={text.partition(': ')[2]}", f"y={text}"])


def test_a_recipe_that_is_its_own_base(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: b.yaml\n")
    (tmp_path / "b.yaml").write_text("base: a.yaml\n")
    with pytest.raises(InputError, match="its own base"):
        read_recipe(tmp_path / "a.yaml")


def test_settings_are_frozen() -> None:
    settings = resolve(Example, None, {"epochs": 1})
    with pytest.raises(ValueError, match="frozen"):
        settings.epochs = 2  # type: ignore[misc]


def test_shipped_recipes_are_found() -> None:
    names = config.shipped_recipes()
    assert {"codo_200ep", "codo_400ep", "codo_m_400ep"} <= set(names)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("optim.lrr", "optim.lr"), ("milestone", "optim.milestones"), ("epoch", "epochs"), ("optimizer.lr", "optim.lr")],
)
def test_the_nearest_setting_by_its_name_or_its_last_part(typed: str, meant: str) -> None:
    known = ["epochs", "name", "optim", "optim.lr", "optim.milestones"]
    assert nearest_setting(typed, known) == f"did you mean '{meant}'?"
    assert nearest_setting("zzz", known) == ""
