"""The settings of a comparison: those of the finetuning that all trials share, and those in which the trials differ.

An initialization is existing weights, all of them or some parts, or settings of ``codo pretrain`` with which the
comparison pretrains them::

    inits:
      random: none
      moco_v2: {method: moco_v2}
      codo: {recipe: codo_200ep}
      mine: runs/mine
      mine_backbone: {weights: runs/mine, parts: [backbone]}
    pretrain: {foregrounds: "{images}", backgrounds: ["{images}", "{scenes}"]}      # for both, on top of their recipes
    pools: {images: catalogs/imagenet, scenes: catalogs/coco}                       # folders of the names in braces
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from codo.core.config import SHORT, Settings
from codo.core.errors import InputError, nearest
from codo.core.paths import absolute
from codo.detection.finetune_settings import FinetuneSettings, known_parts
from codo.mirror.restore import part_of

PARTS = {"weights", "parts"}
"""The keys of an initialization that takes some parts of existing weights."""

SEED = "{seed}"
"""Placeholder in the path of an initialization, replaced by the seed of the trial."""


class JudgeSettings(Settings):
    """What the sentence of a comparison is about (``judge.*``)."""

    metric: Literal["AP", "AP50", "AP75", "APs", "APm", "APl"] = Field(
        "AP", description="COCO's number on which the verdicts are given; the tables have all of them"
    )
    classes: tuple[str, ...] | None = Field(
        None, min_length=1, description="names of the classes whose mean AP the verdicts are about; null: all classes"
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """Turn a single name into a list, and names that YAML reads as numbers into text."""
        names = [value] if isinstance(value, str | int) else value
        if not isinstance(names, list | tuple):
            return names
        return [str(one) if type(one) in (int, float) else one for one in names]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.classes is not None:
            if self.metric != "AP":
                raise ValueError("judge.classes= is about their mean AP: leave out judge.metric=, or judge.classes=")
            if len(set(self.classes)) < len(self.classes):
                raise ValueError("judge.classes= names a class twice")
        return self


class CompareSettings(FinetuneSettings):
    """A comparison: every setting of ``codo finetune``, the protocol of all trials, and the following."""

    only: tuple[str, ...] | None = Field(
        None, description="names of the inits to compare; null: all. inits.NAME=null leaves one out"
    )
    inits: dict[str, str | dict[str, Any]] = Field(
        min_length=1,
        description="initializations to compare, the reference first: inits=[none,imagenet,runs/codo,NAME=FILE]; a "
        "path may contain {seed} if pretraining was repeated: inits.codo=runs/codo-{seed}; some parts of weights: "
        "inits.NAME={weights: RUN, parts: [backbone]}; with settings of codo pretrain, or recipe=, instead of weights "
        "it is pretrained first: inits.moco.method=moco_v2",
    )
    pretrain: dict[str, Any] = Field(
        {}, description="settings of codo pretrain shared by all initializations that are pretrained here"
    )
    pools: dict[str, tuple[str, ...]] = Field(
        {}, description="catalogs or image folders that pretraining settings refer to as {NAME}: pools.scenes=DIR"
    )
    pretrained: str | None = Field(
        None, description="folder of the pretraining runs, which comparisons may share; null: pretraining/ in out"
    )
    repeat_pretraining: bool = Field(
        True, description="pretrain with every seed; false: only with the first, and finetune from that with all seeds"
    )
    published: Literal["table1", "table2"] | None = Field(
        None, description="table of the paper whose numbers are shown as well, for initializations of the same name"
    )
    judge: JudgeSettings = Field(default_factory=JudgeSettings)
    fractions: tuple[float, ...] = Field(
        (1.0,), min_length=1, description="fractions of the labeled images to train on, in (0, 1]"
    )
    seeds: tuple[int, ...] = Field(
        (0, 1, 2), min_length=1, description="seeds; one finetuning for each seed, initialization and fraction"
    )
    redraw: bool = Field(
        True,
        description="draw the labeled images anew for every seed, the same for all initializations; "
        "false: the draw of data.fraction_seed for all seeds",
    )
    jobs: int | None = Field(
        None, ge=1, description="number of trials at a time, each in its own process; null: one per GPU, on the CPU one"
    )

    @field_validator("inits", mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        """A list of sources, each with or without ``NAME=``, or a mapping from name to source."""
        if isinstance(value, Mapping):
            # Weights that replace a pretraining of the recipe are merged with its settings (`codo.core.config.merge`).
            given = {name: _weights_alone(source) for name, source in value.items()}
            return {name: source for name, source in given.items() if source is not None}
        if isinstance(value, str | Path):
            value = [value]
        if not isinstance(value, list | tuple):
            return value
        named: dict[str, str] = {}
        for item in value:
            name, source = split_name(str(item))
            if name in named:
                raise ValueError(f"two initializations are named '{name}': write NAME={source}")
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
            if isinstance(source, dict) and PARTS.intersection(source):
                _check_parts(name, source)
        only = info.data.get("only") or tuple(value)
        for name in only:
            if name not in value:
                hint = nearest(name, list(value)) or f"inits= has {', '.join(value)}"
                raise ValueError(f"only= has '{name}', which is not among inits=: {hint}")
        return {name: source for name, source in value.items() if name in only}

    @field_validator("pools", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        """Turn a single folder into a list; drop pools that a recipe leaves open (null)."""
        if not isinstance(value, Mapping):
            return value
        return {name: [v] if isinstance(v, str) else v for name, v in value.items() if v is not None}

    @field_validator("fractions", "seeds", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """Turn a single number into a list."""
        return [value] if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _check(self) -> Self:  # replaces the check of FinetuneSettings, which every trial passes
        if not all(0 < fraction <= 1 for fraction in self.fractions):
            raise ValueError("fractions must be above 0 and at most 1")
        if min(self.seeds) < 0:
            raise ValueError("seeds must not be negative")
        for name, values in (("fractions", self.fractions), ("seeds", self.seeds)):
            if len({f"{value:g}" for value in values}) < len(values):
                raise ValueError(f"{name} contains a value twice")
        for name, instead in (("weights", "inits"), ("seed", "seeds")):
            if getattr(self, name) != FinetuneSettings.model_fields[name].default:
                raise ValueError(f"{name} is set for every trial by codo compare: give {instead}=[…]")
        if self.data.fraction != 1:
            raise ValueError("data.fraction is set for every trial by codo compare: give fractions=[…]")
        if self.data.fraction_seed and self.redraw:
            raise ValueError("data.fraction_seed needs redraw=false: otherwise every seed has its own draw")
        return self

    @staticmethod
    def refuse_settings_of_trials(given: Mapping[str, Any]) -> None:
        """Refuse settings that the comparison sets itself, also with the value that they have anyway.

        Args:
            given: What the user gave, nested. (A ``compare.yaml`` that is read again has all settings.)

        Raises:
            InputError: One of them is given.
        """
        data = given.get("data")
        for name, instead, among in (
            ("weights", "inits=[…]", given),
            ("seed", "seeds=[…]", given),
            ("fraction", "fractions=[…]", data if isinstance(data, Mapping) else {}),
        ):
            if name in among:
                setting = name if among is given else f"data.{name}"
                value = among[name]
                shown = instead.replace("…", str(value)) if isinstance(value, str | int | float) else instead
                what = f"{setting} is set for every trial by codo compare"
                raise InputError(what, where=setting, fix=f"give {shown} instead")

    def protocol(self) -> dict[str, Any]:
        """The settings that `FinetuneSettings` has too, unchanged."""
        return {name: getattr(self, name) for name in FinetuneSettings.model_fields}

    def source(self, init: str, seed: int) -> str:
        """``weights=`` of an initialization for a seed; paths are absolute."""
        named = self.weights_of(init)
        if named is None:
            return str(self.pretraining_folder(init, seed))
        source = named.replace(SEED, str(seed))
        return source if source in ("none", "imagenet") else absolute(source)

    def weights_of(self, init: str) -> str | None:
        """The existing weights of an initialization, with ``{seed}``; ``None`` if they are pretrained here."""
        given = self.inits[init]
        return given if isinstance(given, str) else given.get("weights")

    def parts_of(self, init: str) -> tuple[str, ...] | None:
        """``parts=`` of an initialization: its own, else those of all; random weights have none."""
        given = self.inits[init]
        if self.weights_of(init) == "none":
            return None
        parts = given.get("parts") if isinstance(given, dict) else None
        return self.parts if parts is None else known_parts(parts)

    def pretraining_folder(self, init: str, seed: int) -> Path:
        """The run that pretrains an initialization for a seed."""
        folder = Path(absolute(self.pretrained)) if self.pretrained else Path(absolute(self.out)) / "pretraining"
        return folder / folder_name(init) / f"seed-{seed if self.repeat_pretraining else self.seeds[0]}"

    def places(self, folder: str | Path) -> dict[str, str | None]:
        """``out`` and ``mirror`` of one of its runs."""
        return {"out": str(folder), "mirror": part_of(self.mirror, absolute(self.out), str(folder))}

    def draw(self, seed: int) -> int:
        """Seed of the draw of the labeled images; the same for all initializations."""
        return seed if self.redraw else self.data.fraction_seed


def _weights_alone(source: Any) -> Any:
    """Weights given in short form next to settings (`codo.core.config.merge`): only ``parts`` goes with weights."""
    if not (isinstance(source, Mapping) and SHORT in source):
        return source
    return {"weights": source[SHORT], "parts": source["parts"]} if "parts" in source else source[SHORT]


def _check_parts(name: str, source: Mapping[str, Any]) -> None:
    """Check an initialization with ``weights`` or ``parts``.

    Raises:
        ValueError: Further keys, no weights, or unknown parts.
    """
    if others := sorted(source.keys() - PARTS):
        raise ValueError(f"'{name}' has weights or parts and {others[0]}: pretraining settings take no parts")
    weights = source.get("weights")
    if not isinstance(weights, str) or not weights.strip():
        raise ValueError(f"'{name}' has parts and no weights: write {{weights: RUN, parts: [backbone]}}")
    if weights == "none" and source.get("parts") is not None:
        raise ValueError(f"'{name}' takes parts of weights=none, which has none: leave parts out")
    known_parts(source.get("parts"))


def split_name(item: str) -> tuple[str, str]:
    """Name and source of ``NAME=SOURCE``; the default name is that of the run, or of the file without extension."""
    name, equals, source = item.partition("=")
    if equals and not Path(item).exists():
        return name.strip(), source.strip()
    path = Path(item)
    known = path.suffix in (".pth", ".pt", ".safetensors", ".pkl", ".pickle", ".ckpt", ".tar", ".bin")
    return (path.stem if known else path.name) or item, item


def folder_name(init: str) -> str:
    """The name of an initialization as a folder name."""
    return re.sub(r"[^\w.+-]+", "-", init).strip(".-") or "init"
