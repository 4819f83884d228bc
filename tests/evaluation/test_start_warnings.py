"""Warnings before the first step: for small runs, and none for the recipes of papers."""

from __future__ import annotations

import pytest

from codo.contrast.infonce import ContrastSettings
from codo.core.config import resolve
from codo.evaluation.start_warnings import ema_warning, queue_warning, warmup_warning
from codo.methods.registry import find_method
from codo.training.pretrain_settings import PretrainSettings, length, method_setup

IMAGENET = 1_281_167


def test_a_momentum_encoder_slower_than_a_fifth_of_the_run() -> None:
    assert ema_warning(0.999, 5000) is None
    message = ema_warning(0.999, 4700)
    assert message is not None
    assert "Train for 5,000 steps or more" in message
    assert ema_warning(0.0, 5) is None
    assert "never changes" in str(ema_warning(1.0, 10**6))


def test_the_warning_names_what_auto_is() -> None:
    """The numbers of the rule: 400 steps of 64 with a queue of 256 keys, 4 steps old."""
    found = ContrastSettings(queue=256, momentum="auto")
    age = found.queue_age(64, 2)
    resolved = found.resolved(400, 64, 2).momentum_at(0, 400)
    assert (age, resolved) == (4, 0.988)
    assert str(ema_warning(0.999, 400, age)).endswith("steps or more, or set contrast.momentum=auto (here 0.988).")
    assert ema_warning(resolved, 400, age) is None
    assert str(ema_warning(0.999, 700)).endswith("5,000 steps or more, or set contrast.momentum=auto (here 0.986).")
    assert ema_warning(0.986, 700) is None
    # The shortest of runs get no momentum that makes keys drift: 0.9 is the lowest.
    assert "contrast.momentum=auto (here 0.9)" in str(ema_warning(0.999, 20))
    assert str(ema_warning(0.9, 20)).endswith("Train for 50 steps or more.")
    # A long queue makes auto slow, which is said also of a run that uses it.
    assert str(ema_warning(0.997, 400, 16)).endswith("or shorten contrast.queue, which holds the keys of 16 steps.")
    assert "never changes" in str(ema_warning(1.0, 700))
    assert str(ema_warning(1.0, 700)).endswith("in all. Set contrast.momentum=auto (here 0.986).")


def test_a_run_shorter_than_its_warm_up() -> None:
    assert warmup_warning(0, 1) is None
    assert warmup_warning(200, 401) is None
    assert warmup_warning(200, 400) == (
        "The warm-up takes 200 of 400 steps, so the learning rate is below optim.lr for 50% of the run. "
        "Train longer, or set optim.warmup_steps=40 optim.warmup_epochs=0."
    )
    message = str(warmup_warning(200, 60))
    assert "60 steps of 200" in message
    assert "optim.warmup_steps=6 optim.warmup_epochs=0" in message


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
    assert warmup_warning(settings.optim.warmup_steps, steps) is None
    if "contrast" in find_method(settings.method).used_settings:
        assert queue_warning(setup.contrast.queue, IMAGENET) is None
