"""Partly frozen networks: the settings ``model.freeze`` and ``model.unfreeze_at``, and what they do to a method."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, field_validator

from codo.core.errors import InputError
from codo.methods.base import Method
from codo.methods.freezing import freeze, frozen_parameters
from codo.models.encoder import ModelSettings

FREEZABLE = ("backbone", "fpn")
"""The parts that can be frozen, in the order of the network."""


class PretrainModelSettings(ModelSettings):
    """The network to be pretrained, and which parts of it are trained."""

    freeze: tuple[Literal["backbone", "fpn"], ...] = Field(
        (),
        description="parts that keep their initial weights, BatchNorm statistics included: [backbone], or "
        "[backbone,fpn]; needs model.init",
    )
    unfreeze_at: int | None = Field(
        None, ge=1, description="number of steps after which the frozen parts are trained too; null: never"
    )

    @field_validator("freeze", mode="before")
    @classmethod
    def _in_order(cls, value: Any) -> Any:
        """Accept one name alone, and names in any order."""
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list | tuple) or not set(names) <= set(FREEZABLE):
            raise ValueError("must be [backbone], [backbone,fpn], or [] for none")
        return tuple(part for part in FREEZABLE if part in names)

    @property
    def frozen_throughout(self) -> tuple[str, ...]:
        """The parts that are never trained."""
        return self.freeze if self.unfreeze_at is None else ()

    def frozen_at(self, step: int) -> tuple[str, ...]:
        """The parts that are frozen in a step, counted from 0."""
        return self.freeze if self.unfreeze_at is None or step < self.unfreeze_at else ()


def check_freezing(model: PretrainModelSettings, name: str, method: type[Method]) -> None:
    """Refuse to freeze what cannot be frozen, or so much that nothing would be learned.

    Args:
        model: The settings.
        name: Name of the method, for messages.
        method: Its class.

    Raises:
        InputError: A frozen part comes after a trained one, is not part of the method, or is random; all parts of the
            method are frozen to the end; or there is a step to unfreeze but nothing frozen.
    """
    freeze, where = model.freeze, f"model.freeze=[{','.join(model.freeze)}]"
    if not freeze:
        if model.unfreeze_at is not None:
            fix = "add model.freeze=[backbone], or leave model.unfreeze_at out"
            raise InputError("nothing is frozen that could be unfrozen", where="model.unfreeze_at", fix=fix)
        return
    if foreign := [part for part in freeze if part not in method.parts]:
        what = f"method {name} has no {foreign[0]}"
        raise InputError(what, where=where, fix="set model.freeze=[backbone]")
    if "backbone" not in freeze:
        what = "the pyramid cannot stay as it is while the backbone below it changes"
        raise InputError(what, where=where, fix="set model.freeze=[backbone,fpn] or model.freeze=[backbone]")
    if model.init == "none":
        what = "a frozen part needs weights: random features that never change teach nothing"
        raise InputError(what, where=f"{where}, model.init=none", fix="set model.init=imagenet or model.init=FILE")
    if set(method.parts) <= set(freeze) and model.unfreeze_at is None:
        what = f"method {name} trains only the {' and '.join(method.parts)}: nothing that is exported would change"
        raise InputError(what, where=where, fix="set model.unfreeze_at=STEP, or use method=codo, insloc or soco")


def check_unfreezing(model: PretrainModelSettings, steps: int) -> None:
    """Refuse to unfreeze after the end of a run of ``steps`` steps.

    Raises:
        InputError: ``model.unfreeze_at`` is never reached.
    """
    if model.unfreeze_at is not None and model.unfreeze_at >= steps:
        what = f"the run has {steps} steps: its frozen parts would never be trained"
        fix = f"choose a step below {steps}, or leave model.unfreeze_at out"
        raise InputError(what, where=f"model.unfreeze_at={model.unfreeze_at}", fix=fix)


def apply_freezing(method: Method, parts: Iterable[str], *, loaded: Iterable[str] | None) -> None:
    """Freeze parts of a method that has been built.

    Args:
        method: Changed in place.
        parts: Names of the parts.
        loaded: The parts that have initial weights; ``None`` if their weights come from a checkpoint.

    Raises:
        InputError: A part is random.
    """
    parts = tuple(parts)
    where = f"model.freeze=[{','.join(parts)}]"
    if loaded is not None and (random := [part for part in parts if part not in loaded]):
        fix = f"leave {random[0]} out of model.freeze, or give weights that have it"
        raise InputError(f"model.init has no {random[0]}: a random one would be frozen", where=where, fix=fix)
    freeze(method, parts)


def describe_freezing(method: Method, unfreeze_at: int | None) -> str:
    """A line for the log, such as ``model.freeze=[backbone]: 23.5M of 46.8M parameters stay as they are``."""
    frozen = sum(parameter.numel() for parameter in frozen_parameters(method))
    trained = sum(parameter.numel() for parameter in method.parameters() if parameter.requires_grad)
    until = "" if unfreeze_at is None else f" until step {unfreeze_at}"
    share = f"{frozen / 1e6:.3g}M of {(frozen + trained) / 1e6:.3g}M parameters"
    return f"model.freeze=[{','.join(method.frozen_parts)}]: {share} stay as they are{until}"
