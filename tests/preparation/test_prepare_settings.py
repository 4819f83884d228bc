"""Settings of ``codo prepare``: bounds, and what a catalog records."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from codo.preparation.prepare_settings import PrepareSettings


def test_what_a_catalog_records_reads_back_the_same() -> None:
    settings = PrepareSettings.model_validate({"pack": 256, "proposals": {"mode": "quality"}, "select": "trainval"})
    assert PrepareSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"pack": 31},
        {"pack": 65501},  # longer than a side of a JPEG can be
        {"quality": 0},
        {"max_megapixels": 179},  # beyond what Pillow opens
        {"max_rejected": 1.5},
        {"min_side": 0},
        {"shard_mb": 0},
        {"propse": True},
    ],
)
def test_values_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PrepareSettings.model_validate(wrong)
