"""The trunk in one ``.safetensors`` file, readable without CoDo and without pickle.

Tensors have the encoder's names (``backbone.*``, ``fpn.*``, ``box_head.*``). The metadata of the header are strings:
``codo`` (version), ``method``, ``network`` (``query`` or ``key``), ``step``, and as JSON ``model`` (the settings of the
architecture) and ``normalization`` (``range`` of RGB values, from which ``mean`` is subtracted, divided by ``std``).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from codo import __version__
from codo.core.errors import InputError
from codo.exporters.target import Rebuilt, Target, encoder_features
from codo.exporters.trunk import Network, TrunkWeights
from codo.models.encoder import ModelSettings
from codo.models.load_report import compare
from codo.models.weights import COMPONENTS

RANDOM = {"projection": "it is only needed during pretraining"}
"""Component of an encoder -> why it stays random."""


class Safetensors(Target):
    """One file with weights and settings."""

    random = RANDOM
    file = "trunk.safetensors"
    endings = (".safetensors",)

    def state(self, trunk: TrunkWeights) -> dict[str, Tensor]:
        """The trunk's tensors under the encoder's names."""
        return dict(trunk.tensors)

    def write(self, trunk: TrunkWeights, path: Path) -> None:
        """Write tensors and metadata."""
        metadata = {
            "format": "pt",  # other readers of safetensors require it
            "codo": __version__,
            "method": trunk.method,
            "network": trunk.network,
            "step": str(trunk.step),
            "model": trunk.model.model_dump_json(),
            "normalization": json.dumps(normalization_of(trunk)),
        }
        path.write_bytes(save(self.state(trunk), metadata))

    def rebuild(self, trunk: TrunkWeights, path: Path) -> Rebuilt:
        """Build an encoder using only the file."""
        read = read_safetensors(path)
        encoder = read.encoder()
        report = compare(encoder.state_dict(), read.tensors, COMPONENTS)
        return Rebuilt(encoder_features(encoder), report, "An encoder was built using only this file.")

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the file called ``name``."""
        return f'import codo\n\ntrunk = codo.load_trunk("{name}")  # trunk.features(images) gives {maps_of(trunk)}\n'


def normalization_of(trunk: TrunkWeights) -> dict[str, Any]:
    """How images are normalized, in the form of the header."""
    own = trunk.model.normalization
    return {"range": [0, 1], "mean": own.mean, "std": own.std}


def maps_of(trunk: TrunkWeights) -> str:
    """Names of the maps that a loaded trunk computes."""
    return "P2 to P5" if "fpn" in trunk.parts else "C2 to C5"


def read_safetensors(path: Path) -> TrunkWeights:
    """Read a file that `Safetensors` wrote.

    Raises:
        InputError: Not a safetensors file, not written by CoDo, or written by a later version.
    """
    fix = "give a file written by codo export --to safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
    except (OSError, SafetensorError) as error:
        raise InputError(f"cannot read the safetensors file: {error}", where=str(path), fix=fix) from error
    if "model" not in metadata or "codo" not in metadata:
        raise InputError("the safetensors file does not record its model", where=str(path), fix=fix)
    try:
        model, step = ModelSettings.from_record(metadata["model"], "model"), int(metadata.get("step", 0))
    except ValueError as error:
        what = f"CoDo {__version__} cannot read the model settings of the safetensors file"
        fix = f"use the version that wrote it: CoDo {metadata['codo']}"
        raise InputError(what, where=str(path), fix=fix) from error
    network: Network = "key" if metadata.get("network") == "key" else "query"
    return TrunkWeights(model, tensors, metadata.get("method", "unknown"), step, network)
