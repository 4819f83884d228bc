"""Warnings before the first step: for small runs, and none for the recipes of papers."""

from __future__ import annotations

import pytest

from codo.core.config import resolve
from codo.evaluation.start_warnings import ema_warning, queue_warning
from codo.methods.registry import find_method
from codo.training.pretrain_settings import PretrainSettings, length, method_setup

IMAGENET = 1_281_167


def test_a_momentum_encoder_slower_than_a_fifth_of_the_run() -> None:
    assert ema_warning(0.999, 5000) is None
    message = ema_warning(0.999, 4999)
    assert message is not None
    assert "Train for 5,000 steps or more" in message
    # With the value that it names there is no warning.
    assert "contrast.momentum=0.985" in str(ema_warning(0.999, 700))
    assert ema_warning(0.985, 700) is None
    # The shortest of runs get no momentum that makes keys drift: 0.9 is the lowest that is named.
    assert "contrast.momentum=0.9 " in str(ema_warning(0.999, 20))
    assert "contrast.momentum=" not in str(ema_warning(0.9, 20)).partition("Train")[2]
    assert ema_warning(0.0, 5) is None
    assert "never changes" in str(ema_warning(1.0, 10**6))


def test_a_queue_of_more_than_half_of_the_images() -> None:
    assert queue_warning(500, 1000) is None
    assert "more than half of the images (501 keys, 1000 images)" in str(queue_warning(501, 1000))
    message = str(queue_warning(65536, 170))
    assert "more than all" in message
    assert "contrast.queue=85 " in message
    assert queue_warning(85, 170) is None


RECIPES = ["codo_200ep", "moco", "moco_v2", "densecl", "detco", "infomin", "insloc", "byol", "soco", "orl", "self_emd"]


@pytest.mark.parametrize("recipe", RECIPES)
def test_recipes_of_papers_fit_imagenet(recipe: str) -> None:
    given = {"foregrounds": "images", "out": "run"}
    pastes = recipe in ("codo_200ep", "insloc")
    settings = resolve(PretrainSettings, recipe, given | ({"backgrounds": ["images"]} if pastes else {}))
    steps, _ = length(settings, IMAGENET)
    setup = method_setup(settings, steps=steps)
    assert ema_warning(setup.contrast.momentum_at(0, steps), steps) is None
    if "contrast" in find_method(settings.method).used_settings:
        assert queue_warning(setup.contrast.queue, IMAGENET) is None
