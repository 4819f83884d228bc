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
        ({"model": {"init": "imagenet"}}, "give the weights with weights="),
        ({"freeze": 6}, "freeze"),
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
