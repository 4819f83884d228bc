"""The settings of a pretraining run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from codo.contrast.infonce import ContrastSettings
from codo.core.config import Settings
from codo.core.errors import InputError
from codo.core.paths import absolute
from codo.core.rank_watch import DistributedSettings
from codo.loading.image_cache import cache_size
from codo.loading.pools import PoolSettings, split_share
from codo.loading.sampler import steps_per_epoch
from codo.methods.base import Setup
from codo.methods.registry import absolute_name, find_method, own_settings, read_options
from codo.models.anchoring import AnchorSettings
from codo.optim.optimizer import OptimSettings
from codo.probes.probe_settings import ProbeSettings
from codo.training.anchoring import check_anchor
from codo.training.freezing import PretrainModelSettings, check_freezing
from codo.training.log_settings import LogSettings
from codo.views.cpj import CPJSettings
from codo.views.photometric import AugmentSettings


class PretrainSettings(Settings):
    """A pretraining run. Groups are defined in the module of the component that they configure."""

    verb: ClassVar[str] = "pretrain"
    instead: ClassVar[Mapping[str, str]] = {"weights": "model.init", "data": "foregrounds", "init": "model.init"}

    method: str = Field("codo", description="pretraining method: a name, or path/to/file.py:MyMethod")
    options: dict[str, Any] = Field(
        {}, description="method-specific settings, listed by method at the end of the reference"
    )
    foregrounds: str = Field(
        description="catalog (or image folder) whose proposals are pasted; for methods without pasting, the images"
    )
    backgrounds: PoolSettings = Field(
        PoolSettings(), description="catalogs to paste on: a list, or backgrounds.query and backgrounds.key"
    )
    out: str = Field(description="the run directory")
    mirror: str | None = Field(
        None,
        description="URL, such as s3://bucket/runs/mine, to which the run is copied as it goes on; on a machine where "
        "out= is empty or behind, the same command brings it back from there and resumes; null: none",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="random seed")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="auto: bf16 on GPUs that have it, else fp32; bf16 may be faster on CPUs with AVX512_BF16"
    )
    compile: bool | Literal["frozen"] = Field(
        False,
        description="compile the encoders with torch.compile: true, or frozen for the parts of model.freeze alone, "
        "with their weights as constants; needs a C++ compiler",
    )
    workers: int | None = Field(None, ge=0, description="loader processes per rank; null: one per core, at most 16")
    cache: str = Field(
        "auto",
        description="memory for decoded images, which the loader processes of a rank share: a size such as 2GB; off; "
        "or auto, a quarter of the available memory if half of the images fit and the run sees them more than once",
    )
    local_copy: bool = Field(
        False,
        description="copy files of catalogs in an object store to images/ of the cache (CODO_CACHE) before the first "
        "step, sequentially and once on a machine; false: each image is a request whenever it is read",
    )
    canvas: int = Field(224, ge=32, description="side of the square views in pixels, a multiple of 32")
    views: int = Field(2, ge=1, description="views per sample: one for the query network, the rest for the key network")
    localization: float = Field(
        0.0,
        ge=0,
        description="weight of learning where the pasted object is: its box, foreground or background, and objectness "
        "of locations; not in the paper, helps short runs; 0: off",
    )
    batch_size: int = Field(256, ge=2, description="samples per step, over all processes")
    epochs: float | None = Field(None, gt=0, description="length of the run in epochs")
    steps: int | None = Field(None, ge=1, description="length of the run in steps; overrides epochs")
    checkpoint_every: int = Field(1000, ge=1, description="steps between two checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="number of newest checkpoints to keep")
    model: PretrainModelSettings = PretrainModelSettings()
    anchor: AnchorSettings = AnchorSettings()
    cpj: CPJSettings = CPJSettings()
    augment: AugmentSettings = AugmentSettings()
    contrast: ContrastSettings = ContrastSettings()
    optim: OptimSettings = OptimSettings()
    probe: ProbeSettings | None = ProbeSettings()
    log: LogSettings = LogSettings()
    distributed: DistributedSettings = DistributedSettings()

    @model_validator(mode="after")
    def _fits_the_method(self) -> Self:
        method = find_method(self.method)
        self.options.update(read_options(self.method, self.options))  # with the method's defaults, for the record
        pools = self.backgrounds.query, self.backgrounds.key
        if method.needs_backgrounds and not all(pools):
            fix = "add backgrounds=[DIR,…]: images of the data set you are going to detect on"
            raise InputError("the backgrounds are missing", where="backgrounds", fix=fix)
        if any(pools) and not method.needs_backgrounds:
            what = f"method {self.method} pastes nothing, so backgrounds= has no effect"
            fix = "leave backgrounds= out; to train on more images, prepare them as one catalog"
            raise InputError(what, where="backgrounds", fix=fix)
        if self.views < 2 and "views" in method.used_settings:
            raise InputError("with views=1 there are no pairs to contrast", where="views", fix="set views=2 or more")
        if self.contrast.symmetric and "contrast" in method.used_settings and self.views != 2:
            what = f"contrast.symmetric is defined for two views, not for {self.views}: each is query and key once"
            raise InputError(what, where="contrast.symmetric", fix="set views=2 or contrast.symmetric=false")
        check_freezing(self.model, self.method, method)
        if self.compile == "frozen" and not self.model.freeze:
            fix = "add model.freeze=[backbone], or set compile=true to compile all"
            raise InputError("nothing is frozen that could be compiled", where="compile=frozen", fix=fix)
        check_anchor(self.anchor, self.method, method, self.model.init, self.compile is True)
        if self.augment.device == "device" and not method.needs_backgrounds:
            what = f"method {self.method} only supports color augmentation in the loader"
            raise InputError(what, where="augment.device", fix="use augment.device=cpu")
        return self

    @property
    def localization_weight(self) -> float:
        """``localization``; 0 for methods that do not use it."""
        return self.localization if "localization" in find_method(self.method).used_settings else 0.0

    @field_validator("cache", mode="before")
    @classmethod
    def _a_size(cls, cache: Any) -> Any:
        cache = "off" if cache is False else cache  # as YAML reads cache=off
        if isinstance(cache, str):
            cache_size(cache)
        return cache

    @field_validator("canvas")
    @classmethod
    def _multiple_of_32(cls, canvas: int) -> int:
        if canvas % 32:
            raise ValueError(f"must be a multiple of 32, such as {round(canvas / 32) * 32}")
        return canvas


def with_absolute_paths(settings: PretrainSettings) -> PretrainSettings:
    """The settings with absolute paths, so that a later command may start in any folder."""

    def pool(entries: tuple[str, ...]) -> tuple[str, ...]:
        parts = [split_share(entry) for entry in entries]
        return tuple(absolute(path) + ("" if share is None else f"@{share:g}") for path, share in parts)

    backgrounds = PoolSettings(query=pool(settings.backgrounds.query), key=pool(settings.backgrounds.key))
    init = settings.model.init
    model = settings.model.model_copy(update={"init": init if init in ("none", "imagenet") else absolute(init)})
    changed = {
        "method": absolute_name(settings.method),
        "foregrounds": absolute(settings.foregrounds),
        "backgrounds": backgrounds,
        "model": model,
        "probe": settings.probe and settings.probe.with_absolute_paths(),
        "out": absolute(settings.out),
        "mirror": settings.mirror and absolute(settings.mirror),
    }
    return settings.model_copy(update=changed)


def length(settings: PretrainSettings, samples: int) -> tuple[int, int]:
    """Steps of the run, and of an epoch.

    Raises:
        InputError: Neither ``steps`` nor ``epochs`` is given.
    """
    per_epoch = steps_per_epoch(samples, settings.batch_size)
    if settings.steps is not None:
        return settings.steps, per_epoch
    if settings.epochs is None:
        raise InputError("the length of the run is missing", where="epochs", fix="add epochs=N or steps=N")
    return max(1, math.floor(settings.epochs * per_epoch)), per_epoch


def method_setup(settings: PretrainSettings, *, world: int = 1, steps: int = 1, **counts: int) -> Setup:
    """The `Setup` from which the method of a run is built.

    Args:
        settings: Settings of the run.
        world: Number of ranks.
        steps: Length of the run in steps.
        **counts: What a `Setup` knows of the data: ``classes`` and ``images``.
    """
    method, views = find_method(settings.method), settings.views
    queue = "contrast" in method.used_settings
    return Setup(
        model=settings.model,
        contrast=settings.contrast.resolved(steps, settings.batch_size, views, queue=queue),
        options=own_settings(method, settings.options),
        localization=settings.localization_weight,
        batch_size=settings.batch_size,
        world=world,
        seed=settings.seed,
        steps=steps,
        **counts,
        canvas=settings.canvas,
        views=views,
    )
