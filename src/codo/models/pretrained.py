"""Build an encoder with the weights of a file, and with the architecture that the file records, if any."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from codo.core.errors import DAMAGE
from codo.models.encoder import Encoder, ModelSettings
from codo.models.weight_files import header
from codo.models.weights import TRUNK


def recorded_model(path: Path) -> ModelSettings | None:
    """The model settings recorded in a weight file; ``None`` if the file was written by another tool.

    A trunk (``codo export --to safetensors`` or ``hub``) has them in its header under ``model``; a finetuned detector
    under ``codo``, together with its other settings.
    """
    metadata = header(path)
    try:
        text = metadata["model"] if "model" in metadata else json.dumps(json.loads(metadata["codo"])["model"])
        return ModelSettings.from_record(text, "model")
    except DAMAGE:
        return None


def load_encoder(source: str, model: ModelSettings) -> tuple[Encoder, tuple[str, ...]]:
    """An encoder with the weights of a file, and which parts of the trunk the file has; other parts are random.

    The global random state is not changed.

    Args:
        source: A weight file, ``imagenet``, or ``none`` for random weights; for ``none`` all parts are returned.
        model: The architecture, unless the file records its own.

    Raises:
        InputError: See `codo.models.weights.load`.
    """
    settings = (recorded_model(Path(source)) or model).normalized_for(source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        encoder = Encoder(settings.model_copy(update={"init": source}))
    counts = encoder.load_report.counts() if encoder.load_report else {}
    loaded = (part for part in TRUNK if encoder.load_report is None or counts.get(part, (0,))[0])
    return encoder, tuple(loaded)
