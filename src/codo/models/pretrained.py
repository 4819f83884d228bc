"""An encoder with the weights of a file, built as the file says where it says so."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from codo.models.encoder import Encoder, ModelSettings
from codo.models.weight_files import header
from codo.models.weights import TRUNK


def recorded_model(path: Path) -> ModelSettings | None:
    """The settings of the trunk in a weight file; ``None`` where the file is of another tool and does not say.

    A trunk (``codo export --to safetensors`` or ``hub``) has them in its header under ``model``; a finetuned detector
    under ``codo``, beside its other settings.
    """
    said = header(path)
    try:
        text = said["model"] if "model" in said else json.dumps(json.loads(said["codo"])["model"])
        return ModelSettings.from_record(text, "model")
    except (KeyError, TypeError, ValueError):
        return None


def load_encoder(source: str, model: ModelSettings) -> tuple[Encoder, tuple[str, ...]]:
    """An encoder with the weights of a file, and the parts of the trunk that the file has; other parts are random.

    The global random state is not touched.

    Args:
        source: A weight file, ``imagenet``, or ``none`` for random weights: all parts then count.
        model: The architecture, unless the file records its own.

    Raises:
        InputError: See `codo.models.weights.load`.
    """
    settings = recorded_model(Path(source)) or model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder(settings.model_copy(update={"init": source}))
    counts = encoder.load_report.counts() if encoder.load_report else {}
    there = (part for part in TRUNK if encoder.load_report is None or counts.get(part, (0,))[0])
    return encoder, tuple(there)
