"""Probes with labels: during pretraining, and for any run or weight file (``codo probe``)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import nn

from codo.core.config import resolve
from codo.core.errors import InputError
from codo.core.run import Run, is_run, open_run
from codo.models.encoder import ModelSettings
from codo.models.pretrained import load_encoder
from codo.probes.labeled import LabeledProbes
from codo.probes.probe_settings import LabeledProbeSettings
from codo.training.distributed import choose_device, threads_within_quota
from codo.training.load_run import load_method


class ProbeVerbSettings(LabeledProbeSettings):
    """``codo probe``."""

    source: str = Field(description="a pretraining run, a weight file, imagenet, or none for random weights")
    canvas: int = Field(224, ge=32, description="side of the square views in pixels; for runs, that of the run")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N")
    model: ModelSettings = Field(
        default_factory=ModelSettings,
        description="architecture of the trunk; runs and files of codo export record it themselves",
    )


def probe(source: Run | str | Path, **overrides: Any) -> dict[str, Any]:
    """Classify labeled boxes or images on the features of a frozen trunk, by k-NN and a linear classifier.

    Args:
        source: A pretraining run, a weight file, ``imagenet``, or ``none`` for random weights.
        **overrides: ``data=`` (labeled boxes), ``image_folder=`` (class folders), and the settings of
            `ProbeVerbSettings`.

    Returns:
        ``{"parts": [...], "probe/roi/knn": …, "warnings": [...]}``; scores are class-averaged recalls in [0, 1].

    Raises:
        InputError: Invalid settings, weights or data.

    Example:
        >>> import codo
        >>> scores = codo.probe("runs/mine", data="labeled")
        >>> 0 <= scores["probe/roi/knn"] <= 1
        True
    """
    named = str(source.path) if isinstance(source, Run) else str(source)
    settings = resolve(ProbeVerbSettings, None, {**overrides, "source": named})
    if settings.data is None and settings.image_folder is None:
        raise InputError("no labeled data to probe with", where="codo probe", fix="add data=DIR or image_folder=DIR")
    warnings: list[str] = []
    parts, untrained, canvas, trained = _parts(named, settings, warnings.append)
    probes = LabeledProbes.read(settings, canvas, trained.pixels)
    device = choose_device(settings.device)
    modules = nn.ModuleDict(parts).to(device).eval()
    with threads_within_quota():
        scores = probes.scores(dict(modules.items()), device, trained.normalization, untrained)
    return {"parts": list(parts), **scores, "warnings": [*warnings, *probes.warnings(named)]}


def _parts(
    source: str, settings: ProbeVerbSettings, warn: Callable[[str], None]
) -> tuple[dict[str, nn.Module], tuple[str, ...], int, ModelSettings]:
    """The parts of the trunk in the source, which of them are random, and canvas and model of its training."""
    if is_run(source):
        if open_run(source).verb != "pretrain":
            fix = "probe the pretraining run that it was finetuned from, or a weight file"
            raise InputError("not a pretraining run", where=source, fix=fix)
        method, trained, _ = load_method(source, warn)
        return method.exports(), (), trained.canvas, trained.model
    encoder, loaded = load_encoder(source, settings.model)
    untrained = loaded if encoder.load_report is None else ()
    parts = {part: encoder.get_submodule(part) for part in loaded}
    return parts, untrained, settings.canvas, encoder.settings
