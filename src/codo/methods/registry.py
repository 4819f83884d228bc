"""The methods by name. A new one is a file and a line here."""

from __future__ import annotations

from codo.contrast.infonce import ContrastSettings
from codo.methods.base import Method
from codo.methods.codo import CoDo
from codo.models.encoder import ModelSettings

METHODS: dict[str, type[CoDo]] = {"codo": CoDo}


def build_method(
    name: str, model: ModelSettings, contrast: ContrastSettings, *, batch_size: int, world: int, seed: int
) -> Method:
    """The method called ``name``, which the caller has checked to be one of `METHODS`."""
    return METHODS[name](model, contrast, batch_size=batch_size, world=world, seed=seed)
