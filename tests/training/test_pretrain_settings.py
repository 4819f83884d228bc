"""What a pretraining run can be told: checks across settings, paths, length, and what its method is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.methods.byol import BYOLOptions
from codo.training.pretrain_settings import PretrainSettings, length, method_setup, with_absolute_paths


def given(**changes: Any) -> PretrainSettings:
    values = {"foregrounds": "a", "backgrounds": ["b"], "out": "c", **changes}
    return resolve(PretrainSettings, None, {name: value for name, value in values.items() if value is not None})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"backgrounds": None}, "the backgrounds are missing"),
        ({"method": "byol"}, "method byol pastes nothing"),
        ({"views": 1}, "no pairs to contrast"),
        (
            {"method": "byol", "backgrounds": None, "augment": {"device": "device"}},
            "only supports color augmentation in the loader",
        ),
        ({"canvas": 100}, "multiple of 32, such as 96"),
        ({"method": "byol", "backgrounds": None, "options": {"hiden": 3}}, r"unknown setting 'options\.hiden'"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        given(**changes)


def test_off_as_yaml_reads_it_is_off() -> None:
    assert given(cache=False).cache == "off"
    with pytest.raises(InputError, match="cache"):
        given(cache="some")


def test_one_view_is_enough_for_methods_that_do_not_count_them() -> None:
    assert given(method="byol", backgrounds=None, views=1).views == 1


def test_options_are_recorded_with_the_methods_defaults() -> None:
    options = given(method="byol", backgrounds=None, options={"hidden": 7}).options
    assert options == BYOLOptions(hidden=7).model_dump(mode="json")


def test_paths_are_found_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("from codo.methods.codo import CoDo\n\n\nclass Mine(CoDo):\n    pass\n")
    settings = with_absolute_paths(
        given(
            method="mine.py:Mine",
            backgrounds={"query": ["b@0.3", "s3://bucket/c"], "key": ["b"]},
            model={"init": "w.pt"},
        )
    )
    assert settings.method == f"{tmp_path}/mine.py:Mine"
    assert (settings.foregrounds, settings.out) == (f"{tmp_path}/a", f"{tmp_path}/c")
    assert settings.backgrounds.query == (f"{tmp_path}/b@0.3", "s3://bucket/c")
    assert settings.model.init == f"{tmp_path}/w.pt"
    assert with_absolute_paths(settings) == settings
    assert with_absolute_paths(given(model={"init": "imagenet"})).model.init == "imagenet"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"steps": 7}, (7, 3)),
        ({"epochs": 2}, (6, 3)),
        ({"epochs": 2.5}, (7, 3)),  # of 7.5
        ({"epochs": 0.1}, (1, 3)),
        ({"epochs": 2, "steps": 7}, (7, 3)),
    ],
)
def test_length_by_hand(told: dict[str, Any], expected: tuple[int, int]) -> None:
    assert length(given(batch_size=8, **told), samples=25) == expected


def test_a_run_without_length_is_refused() -> None:
    with pytest.raises(InputError, match="length of the run is missing"):
        length(given(), samples=1000)


def test_a_method_is_built_from_all_that_the_run_says() -> None:
    settings = given(
        method="byol", backgrounds=None, options={"hidden": 7}, seed=5, batch_size=12, model={"width": 0.5}
    )
    setup = method_setup(settings, world=2, steps=30, classes=4)
    assert setup.options == BYOLOptions(hidden=7)
    assert (setup.model.width, setup.batch_size, setup.seed) == (0.5, 12, 5)
    assert (setup.world, setup.steps, setup.classes) == (2, 30, 4)
    assert setup.contrast == settings.contrast
