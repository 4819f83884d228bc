"""How the values of image files become colors: a range for more than 8 bits, bands of multi-band TIFFs, missing values.

One rule for a whole data set, given to ``codo prepare`` and recorded in its catalog. A network learns to see such
colors, so a run records the rules of its foregrounds (``model.pixels``), its exports do, and labeled images are read by
them, too, unless ``data.*`` says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator

from codo.core.config import Settings
from codo.core.run import is_run, open_run

Range = tuple[float, float]
Stretch = Literal["minmax", "percentile"]

DEFAULT_BANDS = (1, 2, 3)
"""Red, green and blue of files with three bands or more, if no others are chosen; of fewer, the first is gray."""


@dataclass(frozen=True)
class PixelRules:
    """The rules as plain values.

    Attributes:
        value_range: Values that become black and white in images of more than 8 bits; or by which values of each image
            they are found (levels.py); ``None``: a rule for each image (bit_depth.py).
        bands: Red, green and blue, or gray, of a multi-band TIFF, counted from 1; ``None``: `DEFAULT_BANDS`.
        nodata: The value of missing pixels, if it is not the one that a file declares.
    """

    value_range: Range | Stretch | None = None
    bands: tuple[int, ...] | None = None
    nodata: float | None = None

    def __str__(self) -> str:
        """As settings: ``bands=[3,2,1] value_range=percentile``; empty for the default."""
        shown = {"bands": self.bands, "value_range": self.value_range, "nodata": self.nodata}
        return " ".join(f"{name}={_text(value)}" for name, value in shown.items() if value is not None)

    def of(self, count: int) -> tuple[int, ...]:
        """The bands to read of a file with ``count`` of them: three, or one for gray."""
        return self.bands or (DEFAULT_BANDS if count >= len(DEFAULT_BANDS) else (1,))


DEFAULT_RULES = PixelRules()


class PixelSettings(Settings):
    """The rules as settings; other settings inherit them."""

    value_range: Range | Stretch | None = Field(
        None,
        description="values that become black and white in images of more than 8 bits, [LOW, HIGH]; minmax or "
        "percentile (2 to 98%): from the values of each image and band; null: a rule for each image, with a warning "
        "where it does not fit",
    )
    bands: tuple[int, ...] | None = Field(
        None,
        description="bands of TIFF files that are red, green and blue, or gray, counted from 1: [3,2,1], [4]; null: "
        "the first three, of fewer the first",
    )
    nodata: float | None = Field(
        None,
        description="value of missing pixels in images of more than 8 bits and multi-band TIFFs; they are black, and "
        "no part of a range; null: what a file declares",
    )

    @field_validator("value_range", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, str) and value not in get_args(Stretch):
            raise ValueError(f"write [LOW, HIGH], {' or '.join(get_args(Stretch))}")
        return value

    @field_validator("value_range")
    @classmethod
    def _rising(cls, value: Range | Stretch | None) -> Range | Stretch | None:
        if isinstance(value, tuple) and not (all(map(math.isfinite, value)) and value[0] < value[1]):
            raise ValueError("write [LOW, HIGH], two finite numbers of which the second is larger")
        return value

    @field_validator("bands")
    @classmethod
    def _one_or_three(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (len(value) not in (1, 3) or min(value) < 1):
            raise ValueError("write three bands, or one, counted from 1: [3,2,1]")
        return value

    @field_validator("nodata")
    @classmethod
    def _finite(cls, value: float | None) -> float | None:
        if value is not None and not math.isfinite(value):
            raise ValueError("write a finite number; NaN and infinities are missing anyway")
        return value

    @classmethod
    def among(cls, values: Mapping[str, Any]) -> PixelSettings:
        """Those among other recorded settings, in which they may be missing."""
        known = {name: value for name, value in values.items() if name in PixelSettings.model_fields}
        return PixelSettings.model_validate(known)

    def filled_from(self, other: PixelSettings | None) -> Self:
        """The same with what is open (null) taken from others."""
        open_ = [name for name in PixelSettings.model_fields if getattr(self, name) is None]
        return self.model_copy(update={name: getattr(other, name) for name in open_ if other is not None})

    @property
    def pixel_settings(self) -> PixelSettings | None:
        """These settings alone; ``None`` if all are open."""
        values = {name: getattr(self, name) for name in PixelSettings.model_fields}
        return PixelSettings(**values) if any(value is not None for value in values.values()) else None

    @property
    def pixel_rules(self) -> PixelRules:
        """The same as plain values."""
        return PixelRules(self.value_range, self.bands, self.nodata)


def recorded_pixels(out: str | Path, new: PixelSettings | None) -> PixelSettings | None:
    """``model.pixels`` of the run in a folder, which keeps its own when it is resumed; for a new run ``new``."""
    if not is_run(out):
        return new
    values = open_run(out).config.get("model", {}).get("pixels")
    return None if values is None else PixelSettings.model_validate(values)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, str):
        return value
    short = f"{value:.10g}"
    return short if float(short) == value else repr(value)  # rules are compared by their text
