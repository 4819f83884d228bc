"""The settings of a comparison: those of the finetuning that all trials share, and what the trials differ in.

An initialization is weights that are there, or settings of ``codo pretrain`` by which the comparison makes them::

    inits:
      random: none
      moco_v2: {method: moco_v2}
      codo: {recipe: codo_200ep}
    pretrain: {foregrounds: "{images}", backgrounds: ["{images}", "{scenes}"]}      # for both, on top of their recipes
    pools: {images: catalogs/imagenet, scenes: catalogs/coco}                       # what the names in braces stand for
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from codo.core.config import SHORT
from codo.core.errors import nearest
from codo.core.paths import absolute
from codo.detection.finetune_settings import FinetuneSettings

SEED = "{seed}"
"""In the path of an initialization: the seed of the trial."""


class CompareSettings(FinetuneSettings):
    """A comparison: every setting of ``codo finetune``, the protocol of all trials, and the following."""

    only: tuple[str, ...] | None = Field(
        None, description="the names of inits that are compared; null: all. inits.NAME=null leaves one out"
    )
    inits: dict[str, str | dict[str, Any]] = Field(
        min_length=1,
        description="what is compared, the reference first: inits=[none,imagenet,runs/codo,NAME=FILE]; a path may hold "
        "{seed} where pretraining was repeated too: inits.codo=runs/codo-{seed}; settings of codo pretrain, "
        "and recipe=, in place of weights pretrain it first: inits.moco.method=moco_v2",
    )
    pretrain: dict[str, Any] = Field(
        {}, description="settings of codo pretrain that all initializations share which are pretrained here"
    )
    pools: dict[str, tuple[str, ...]] = Field(
        {}, description="catalogs or image folders that pretrainings name as {NAME}: pools.scenes=DIR"
    )
    pretrained: str | None = Field(
        None, description="folder of the pretraining runs, which comparisons may share; null: pretraining/ in out"
    )
    repeat_pretraining: bool = Field(
        True, description="pretrain anew with every seed; false: once, with the first, and finetune from that with all"
    )
    published: Literal["table1", "table2"] | None = Field(
        None, description="show the numbers of this table of the paper beside those of initializations of the same name"
    )
    fractions: tuple[float, ...] = Field(
        (1.0,), min_length=1, description="shares of the labeled images to learn from, in (0, 1]"
    )
    seeds: tuple[int, ...] = Field(
        (0, 1, 2), min_length=1, description="a finetuning for each, with every initialization and fraction"
    )
    redraw: bool = Field(
        True,
        description="whether every seed has its own draw of the labeled images, the same for all initializations; "
        "false: the draw of data.fraction_seed for all",
    )
    jobs: int | None = Field(
        None, ge=1, description="trials at a time, each in a process of its own; null: one a GPU, on the CPU one"
    )

    @field_validator("inits", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A list of sources, each with or without ``NAME=``, or a mapping from name to source."""
        if isinstance(value, Mapping):
            # Weights that replace a pretraining of the recipe stand beside its settings (`codo.core.config.merge`).
            given = {name: v[SHORT] if isinstance(v, Mapping) and SHORT in v else v for name, v in value.items()}
            return {name: source for name, source in given.items() if source is not None}
        if isinstance(value, str | Path):
            value = [value]
        if not isinstance(value, list | tuple):
            return value
        named: dict[str, str] = {}
        for item in value:
            name, source = split_name(str(item))
            if name in named:
                raise ValueError(f"two initializations are called '{name}': write NAME={source}")
            named[name] = source
        return named

    @field_validator("inits", mode="after")
    @classmethod
    def _distinct_folders(
        cls, value: dict[str, str | dict[str, Any]], info: ValidationInfo
    ) -> dict[str, str | dict[str, Any]]:
        folders: dict[str, str] = {}
        for name, source in value.items():
            if not name.strip() or (isinstance(source, str) and source.strip() in ("", "None")):
                raise ValueError("an initialization has no name or no weights: write NAME=FILE, or none")
            if (other := folders.setdefault(folder_name(name), name)) != name:
                raise ValueError(f"'{other}' and '{name}' would share a folder: choose other names")
        only = info.data.get("only") or tuple(value)
        for name in only:
            if name not in value:
                hint = nearest(name, list(value)) or f"inits= has {', '.join(value)}"
                raise ValueError(f"only= names '{name}', which is not among inits=: {hint}")
        return {name: source for name, source in value.items() if name in only}

    @field_validator("pools", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        """One folder is a list of one; a pool that a recipe leaves open is not there."""
        if not isinstance(value, Mapping):
            return value
        return {name: [v] if isinstance(v, str) else v for name, v in value.items() if v is not None}

    @field_validator("fractions", "seeds", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """One number is a list of one."""
        return [value] if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _check(self) -> Self:  # in place of that of a finetuning, which every trial goes through
        if not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError("fractions must be above 0 and at most 1")
        if min(self.seeds) < 0:
            raise ValueError("seeds must not be negative")
        for name, values in (("fractions", self.fractions), ("seeds", self.seeds)):
            if len({f"{value:g}" for value in values}) < len(values):
                raise ValueError(f"{name} has one twice")
        for name, instead in (("weights", "inits"), ("seed", "seeds")):
            if getattr(self, name) != FinetuneSettings.model_fields[name].default:
                raise ValueError(f"{name} is set for every trial by codo compare: give {instead}=[…]")
        if self.data.fraction != 1:
            raise ValueError("data.fraction is set for every trial by codo compare: give fractions=[…]")
        if self.data.fraction_seed and self.redraw:
            raise ValueError("data.fraction_seed counts only with redraw=false: else every seed has its own draw")
        return self

    def protocol(self) -> dict[str, Any]:
        """The settings of a finetuning alone, as they are."""
        return {name: getattr(self, name) for name in FinetuneSettings.model_fields}

    def source(self, init: str, seed: int) -> str:
        """``weights=`` of an initialization for a seed, found from any folder."""
        named = self.inits[init]
        if not isinstance(named, str):
            return str(self.pretraining_folder(init, seed))
        source = named.replace(SEED, str(seed))
        return source if source in ("none", "imagenet") else absolute(source)

    def pretraining_folder(self, init: str, seed: int) -> Path:
        """The run that pretrains an initialization for a seed."""
        folder = Path(absolute(self.pretrained)) if self.pretrained else Path(absolute(self.out)) / "pretraining"
        return folder / folder_name(init) / f"seed-{seed if self.repeat_pretraining else self.seeds[0]}"

    def draw(self, seed: int) -> int:
        """Seed of the draw of the labeled images; the same for all initializations."""
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
    """The name of an initialization as that of a folder."""
    return re.sub(r"[^\w.+-]+", "-", init).strip(".-") or "init"
