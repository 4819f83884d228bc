"""What a finetuning run can be told: the protocol's defaults, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.detection.finetune_settings import FinetuneSettings


def given(**changes: Any) -> FinetuneSettings:
    return resolve(FinetuneSettings, None, {"data": "labeled", "out": "run", **changes})


def test_defaults_are_the_protocol_of_the_papers() -> None:
    """Mask R-CNN on COCO as in docs/method.md#coco-finetuning."""
    settings = given()
    assert (settings.batch_size, settings.optim.lr, settings.optim.reference_batch) == (16, 0.02, 16)
    assert (settings.optim.warmup_steps, settings.optim.schedule) == (1000, "multistep")
    assert settings.short_sides == (640, 672, 704, 736, 768, 800)
    assert (settings.max_size, settings.flip, settings.norm, settings.freeze) == (1333, 0.5, "auto", 0)
    assert settings.data.folder == "labeled"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"short_sides": [640, 31]}, "short_sides must be at least 32"),
        ({"short_sides": []}, "short_sides"),
        ({"norm": "frozen"}, "norm=frozen needs weights"),
        ({"early_stop": 2}, "set eval_every"),
        ({"near_duplicates": -1}, "near_duplicates: "),
        ({"model": {"init": "imagenet"}}, "give the weights with weights="),
        ({"norm": "frozen", "weights": "imagenet", "parts": ["fpn"]}, "norm=frozen needs weights"),
        ({"freeze": 6}, "freeze: must be 0 to 5 stages, or backbone, got 6"),
        ({"freeze": "all"}, "freeze: must be 0 to 5 stages, or backbone, got 'all'"),
        ({"freeze": True}, "freeze: must be 0 to 5"),
        ({"parts": ["backbone"]}, "weights=none has none"),
        (
            {"parts": ["neck"], "weights": "w"},
            r"'neck' is not a part of the trunk \(its parts: backbone, fpn, box_head",
        ),
        ({"parts": [], "weights": "w"}, "parts: must be some of backbone, fpn, box_head"),
        (
            {"detector": {"canonical_scale": 0}},
            r"detector\.canonical_scale: must be auto, or a number of pixels above 0",
        ),
        ({"detector": {"canonical_scale": "small"}}, r"detector\.canonical_scale: must be auto"),
        ({"optim": {"kind": "lars"}}, r"optim\.kind"),
        ({"data": None}, "data"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        given(**changes)


def test_what_they_go_with_makes_them_right() -> None:
    assert given(norm="frozen", weights="imagenet").norm == "frozen"
    assert given(early_stop=2, eval_every=100).early_stop == 2
    assert given(parts=["box_head", "backbone"], weights="w").parts == ("backbone", "box_head")
    assert given(parts="fpn", weights="w").parts == ("fpn",)
    assert given(freeze="backbone").freeze == "backbone"


def test_frozen_norm_of_random_weights_is_refused_with_a_way_out() -> None:
    with pytest.raises(InputError) as caught:
        given(norm="frozen")
    assert caught.value.where == "norm, weights=none"
    assert caught.value.fix.startswith("set norm=batch")


def test_the_canonical_scale_follows_the_images() -> None:
    """224 pixels are for 800; 192 of them are 0.24 of that."""
    auto = given(detector={"canonical_scale": "auto"}).detector
    assert auto.resolve(192).canonical_scale == pytest.approx(53.76)
    assert auto.resolve(800).canonical_scale == given().detector.canonical_scale == 224
    assert given(detector={"canonical_scale": 36}).detector.resolve(192).canonical_scale == 36
