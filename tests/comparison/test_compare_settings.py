from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.comparison.compare_settings import CompareSettings, folder_name, split_name
from codo.core.config import parse_assignments, resolve
from codo.core.errors import InputError


def settings(**values: Any) -> CompareSettings:
    return resolve(CompareSettings, None, {"data": "d", "out": "o", "inits": ["none"], **values})


def test_initializations_are_named_after_their_runs_and_files() -> None:
    inits = settings(inits=["none", "imagenet", "runs/mine", "w/moco.pth", "best=runs/mine"]).inits
    assert inits == {
        "none": "none",
        "imagenet": "imagenet",
        "mine": "runs/mine",
        "moco": "w/moco.pth",
        "best": "runs/mine",
    }
    assert settings(inits={"a": "none"}).inits == {"a": "none"}
    assert settings(inits="none").inits == {"none": "none"}
    assert split_name("runs/v1.5") == ("v1.5", "runs/v1.5")  # a run, not a file with an ending


def test_the_verdict_may_be_about_classes() -> None:
    assert settings().judge.classes is None
    assert settings(**parse_assignments(["judge.classes=[cat,dog]"])).judge.classes == ("cat", "dog")
    assert settings(**parse_assignments(["judge.classes=cat"])).judge.classes == ("cat",)
    assert settings(**parse_assignments(["judge.classes=[1,2]"])).judge.classes == ("1", "2")
    for given, message in (
        ({"classes": ["cat"], "metric": "AP50"}, "leave out judge.metric="),
        ({"classes": ["cat", "cat"]}, "names a class twice"),
        ({"classes": []}, "at least 1 item"),
    ):
        with pytest.raises(InputError, match=message):
            settings(judge=given)


def test_a_path_may_depend_on_the_seed() -> None:
    given = parse_assignments(["inits.none=none", "inits.codo=runs/codo-{seed}"])  # braces mean something within [ ]
    assert settings(**given).source("codo", 3) == str(Path("runs/codo-3").absolute())
    assert settings(**given).source("none", 3) == "none"


def test_every_seed_has_its_own_draw_unless_settings_say_otherwise() -> None:
    assert settings().draw(3) == 3
    assert settings(redraw=False, data={"folder": "d", "fraction_seed": 7}).draw(3) == 7


def test_one_number_is_a_list_of_one() -> None:
    assert settings(fractions=0.1, seeds=4).fractions == (0.1,)
    assert settings(fractions=0.1, seeds=4).seeds == (4,)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"inits": []}, "inits"),
        ({"inits": [None]}, "write NAME=FILE, or none"),
        ({"inits": ["=x"]}, "has no name or no weights"),
        ({"inits": {"a": ""}}, "has no name or no weights"),
        ({"inits": ["a/run", "b/run"]}, "two initializations are named 'run'"),
        ({"inits": {"a b": "none", "a-b": "none"}}, "would share a folder"),
        ({"fractions": [0, 1]}, "above 0 and at most 1"),
        ({"fractions": [1.5]}, "above 0 and at most 1"),
        ({"fractions": []}, "fractions"),
        ({"seeds": [1, 1]}, "seeds contains a value twice"),
        ({"fractions": [0.1, 0.1000001]}, "fractions contains a value twice"),
        ({"seeds": []}, "seeds"),
        ({"seeds": [0.5]}, "seeds"),
        ({"seeds": [-1]}, "must not be negative"),
        ({"weights": "imagenet"}, r"give inits="),
        ({"seed": 3}, r"give seeds="),
        ({"data": {"folder": "d", "fraction": 0.5}}, "give fractions="),
        ({"data": {"folder": "d", "fraction_seed": 1}}, "needs redraw=false"),
        ({"jobs": 0}, "jobs"),
        ({"fraction": [1]}, "did you mean 'fractions'"),
    ],
)
def test_wrong_settings_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        settings(**values)


def test_folder_names_hold_nothing_odd() -> None:
    assert folder_name("ImageNet, 90 epochs") == "ImageNet-90-epochs"
    assert folder_name("../..") == "init"
