"""A folder for a model hub: ``model.safetensors``, ``config.json`` and a model card, ``README.md``.

Nothing is uploaded; ``hf upload USER/NAME FOLDER`` of huggingface_hub does that, and ``codo.Trunk.from_pretrained``
loads the model from there. The weights are those of the safetensors target; ``config.json`` repeats the metadata of
their header, for tools that read it.
"""

from __future__ import annotations

import json
from pathlib import Path

from codo import __version__
from codo.core.errors import InputError
from codo.exporters.safetensors import Safetensors, maps_of, normalization_of
from codo.exporters.trunk import TrunkWeights

_FRONT_MATTER = """\
---
library_name: codo
pipeline_tag: image-feature-extraction
tags:
- self-supervised-learning
- object-detection
- contrastive-learning
- {backbone}
---

"""


class Hub(Safetensors):
    """A folder that huggingface_hub can upload."""

    file = "hub"  # the folder

    def weights(self, out: Path) -> Path:
        """The weights file in the folder ``out``.

        Raises:
            InputError: The folder is neither empty nor an earlier export; its README.md would be overwritten.
        """
        if out.is_dir() and any(out.iterdir()) and not (out / "model.safetensors").is_file():
            raise InputError("the folder is not empty", where=str(out), fix="name a new folder with --out")
        return out / "model.safetensors"

    def page_name(self, weights: Path) -> str:
        """The hub shows README.md."""
        return "README.md"

    def front_matter(self, trunk: TrunkWeights) -> str:
        """Metadata by which the hub lists models. The user has to add a license: it depends on the images."""
        return _FRONT_MATTER.format(backbone=trunk.model.backbone.replace(":", "-"))

    def usage(self, trunk: TrunkWeights, name: str) -> str:
        """Python code that loads the model by its name on the hub."""
        load = (
            f'trunk = codo.Trunk.from_pretrained("USER/NAME")  # or a folder; .features(images) gives {maps_of(trunk)}'
        )
        return f"import codo\n\n{load}\n"

    def companions(self, trunk: TrunkWeights, name: str) -> dict[str, str]:
        """``config.json``."""
        config = {
            "codo": __version__,
            "method": trunk.method,
            "network": trunk.network,
            "step": trunk.step,
            "parts": trunk.parts,
            "model": trunk.model.model_dump(mode="json"),
            "normalization": normalization_of(trunk),
        }
        return {"config.json": json.dumps(config, indent=2) + "\n"}
