"""The settings of a comparison: those of the finetuning that all cells share, and what the cells differ in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from codo.catalog.paths import absolute
from codo.detection.settings import FinetuneSettings

SEED = "{seed}"
"""In the path of an initialisation: the seed of the cell."""


class CompareSettings(FinetuneSettings):
    """A comparison: every setting of ``codo finetune``, the protocol of all cells, and the following."""

    inits: dict[str, str] = Field(
        min_length=1,
        description="what is compared, the reference first: inits=[none,imagenet,runs/codo,NAME=FILE]; a path may hold "
        "{seed} where pretraining was repeated too: inits.codo=runs/codo-{seed}",
    )
    fractions: tuple[float, ...] = Field(
        (1.0,), min_length=1, description="shares of the labelled images to learn from, in (0, 1]"
    )
    seeds: tuple[int, ...] = Field(
        (0, 1, 2), min_length=1, description="a finetuning for each, with every initialisation and fraction"
    )
    redraw: bool = Field(
        True,
        description="whether every seed has its own draw of the labelled images, the same for all initialisations; "
        "false: the draw of data.fraction_seed for all",
    )
    jobs: int | None = Field(
        None, ge=1, description="cells at a time, each in a process of its own; null: one a GPU, on the CPU one"
    )

    @field_validator("inits", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A list of sources, each with or without ``NAME=``, or a mapping from name to source."""
        if isinstance(value, str | Path):
            value = [value]
        if not isinstance(value, list | tuple):
            return value
        named: dict[str, str] = {}
        for item in value:
            name, source = split_name(str(item))
            if name in named:
                raise ValueError(f"two initialisations are called '{name}': write NAME={source}")
            named[name] = source
        return named

    @field_validator("inits", mode="after")
    @classmethod
    def _distinct_folders(cls, value: dict[str, str]) -> dict[str, str]:
        folders: dict[str, str] = {}
        for name, source in value.items():
            if not name.strip() or source.strip() in ("", "None"):
                raise ValueError("an initialisation has no name or no weights: write NAME=FILE, or none")
            if (other := folders.setdefault(folder_name(name), name)) != name:
                raise ValueError(f"'{other}' and '{name}' would share a folder: choose other names")
        return value

    @field_validator("fractions", "seeds", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """One number is a list of one."""
        return [value] if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _check(self) -> Self:  # in place of that of a finetuning, which every cell goes through
        if not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError("fractions must be above 0 and at most 1")
        if min(self.seeds) < 0:
            raise ValueError("seeds must not be negative")
        for name, values in (("fractions", self.fractions), ("seeds", self.seeds)):
            if len({f"{value:g}" for value in values}) < len(values):
                raise ValueError(f"{name} has one twice")
        for name, instead in (("weights", "inits"), ("seed", "seeds")):
            if getattr(self, name) != FinetuneSettings.model_fields[name].default:
                raise ValueError(f"{name} is set for every cell by codo compare: give {instead}=[…]")
        if self.data.fraction != 1:
            raise ValueError("data.fraction is set for every cell by codo compare: give fractions=[…]")
        if self.data.fraction_seed and self.redraw:
            raise ValueError("data.fraction_seed counts only with redraw=false: else every seed has its own draw")
        return self

    def protocol(self) -> dict[str, Any]:
        """The settings of a finetuning alone, as they are."""
        return {name: getattr(self, name) for name in FinetuneSettings.model_fields}

    def source(self, init: str, seed: int) -> str:
        """``weights=`` of an initialisation for a seed, found from any folder."""
        source = self.inits[init].replace(SEED, str(seed))
        return source if source in ("none", "imagenet") else absolute(source)

    def draw(self, seed: int) -> int:
        """Seed of the draw of the labelled images; the same for all initialisations."""
        return seed if self.redraw else self.data.fraction_seed


def split_name(item: str) -> tuple[str, str]:
    """Name and source of ``NAME=SOURCE``; without a name that of the run, or of the file without its ending."""
    name, equals, source = item.partition("=")
    if equals and not Path(item).exists():
        return name.strip(), source.strip()
    path = Path(item)
    known = path.suffix in (".pth", ".pt", ".safetensors", ".pkl", ".pickle", ".ckpt", ".tar", ".bin")
    return (path.stem if known else path.name) or item, item


def folder_name(init: str) -> str:
    """The name of an initialisation as that of a folder."""
    return re.sub(r"[^\w.+-]+", "-", init).strip(".-") or "init"
