"""What follows from the images of a pretraining run, and what is refused before it starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.training.pretrain_settings import PretrainSettings
from codo.training.pretrain_task import PretrainTask, open_inputs, prepare_pretrain_task
from tests.training import tiny


def given(catalog: Path, **changes: Any) -> PretrainSettings:
    settings = {**tiny.settings(catalog, Path("run")), **changes}
    return resolve(PretrainSettings, None, {name: value for name, value in settings.items() if value is not None})


def prepare(catalog: Path, world: int = 1, **changes: Any) -> PretrainTask:
    return prepare_pretrain_task(given(catalog, **changes), world)


def test_length_and_views_follow_from_images_and_method(catalog: Path) -> None:
    """24 images in batches of 8: three steps in an epoch."""
    task = prepare(catalog, steps=None, epochs=2)
    assert (len(task.dataset), task.steps, task.per_epoch, task.settings.views) == (24, 6, 3, 2)
    crops = prepare(catalog, method="swav", backgrounds=None, options={"small_views": 3}, views=2)
    assert crops.settings.views == crops.dataset.num_views == 5  # SwAV has it its way; the run records it


def test_a_method_is_built_for_this_run(catalog: Path) -> None:
    setup = prepare(catalog, seed=3).setup(world=2)
    assert (setup.steps, setup.world, setup.seed, setup.batch_size, setup.classes) == (6, 2, 3, 8, 0)


def test_a_catalog_that_is_named_twice_is_opened_once(catalog: Path) -> None:
    inputs = open_inputs(given(catalog, backgrounds=[str(catalog), f"{catalog}@0.5"]))
    assert inputs.query is not None
    assert all(one is inputs.images for one in inputs.query.catalogs)
    assert inputs.key is not None


def test_methods_that_paste_nothing_have_no_pools(catalog: Path) -> None:
    inputs = open_inputs(given(catalog, method="simclr", backgrounds=None))
    assert (inputs.query, inputs.key) == (None, None)


@pytest.mark.parametrize(
    ("world", "changes", "what"),
    [
        (1, {"foregrounds": "nowhere"}, "nowhere"),
        (1, {"batch_size": 64}, "larger than the 24 images"),
        (3, {}, "batch_size"),
        (1, {"steps": None}, "length of the run is missing"),
    ],
)
def test_what_does_not_suit_the_images_is_refused(
    catalog: Path, world: int, changes: dict[str, Any], what: str
) -> None:
    with pytest.raises(InputError, match=what):
        prepare(catalog, world, **changes)
