"""The settings ``anchor.*`` in a run: what they need, which parts they hold, and what the log says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from torch import nn

from codo.core.errors import InputError
from codo.methods.base import Method
from codo.methods.momentum_contrast import MomentumContrast
from codo.models.anchoring import Anchor, AnchorSettings


def check_anchor(anchor: AnchorSettings, name: str, method: type[Method], init: str, compiled: bool) -> None:
    """Refuse an anchor where there is nothing to keep, or where it would have no effect.

    Args:
        anchor: The settings.
        name: Name of the method, for messages.
        method: Its class.
        init: The setting ``model.init``.
        compiled: The setting ``compile``.

    Raises:
        InputError: Random weights; a method with a step of its own; features of compiled encoders.
    """
    if not anchor.on:
        return
    where = "anchor.features" if anchor.features else "anchor.decay"
    if init == "none":
        fix = "set model.init=imagenet or model.init=FILE, or leave anchor.* out"
        raise InputError("random weights hold nothing to keep", where=f"{where}, model.init=none", fix=fix)
    if method.forward is not MomentumContrast.forward:
        what = f"method {name} has no anchor to its initial weights"
        raise InputError(what, where=where, fix="use method=codo, insloc or moco_v2, or model.freeze=[backbone]")
    if anchor.features and compiled:
        what = "compiled encoders do not show the features of their parts"
        raise InputError(what, where=f"{where}, compile=true", fix="set compile=false, or use anchor.decay alone")


def apply_anchor(method: Method, anchor: AnchorSettings, loaded: Iterable[str], frozen: Collection[str]) -> None:
    """Anchor the loaded parts of a method that has been built, before its first step.

    Args:
        method: Changed in place.
        anchor: The settings.
        loaded: The parts that have initial weights; of a resumed run, `anchored_parts` of its checkpoint.
        frozen: The parts that are never trained, and need no anchor.

    Raises:
        InputError: No part is left.
    """
    if not anchor.on:
        return
    held = {part: module for part, module in method.exports().items() if part in loaded and part not in frozen}
    if not held:
        what = "all parts that model.init has loaded are frozen to the end: there is nothing to hold"
        raise InputError(what, where="anchor, model.freeze", fix="leave anchor.* out, or set model.unfreeze_at=STEP")
    assert isinstance(method, MomentumContrast)
    method.start = Anchor(held, anchor)


def anchored_parts(names: Iterable[str]) -> list[str]:
    """The parts of which a checkpoint has the initial weights, by the names of its tensors."""
    return list(dict.fromkeys(name.split(".")[1] for name in names if name.startswith("start.")))


def anchored_parameters(method: Method) -> list[nn.Parameter]:
    """The trained parameters that decay towards their initial values instead of towards zero."""
    start = getattr(method, "start", None)
    if not isinstance(start, Anchor) or not start.settings.decay:
        return []
    return [
        parameter for part, module in method.exports().items() if part in start for parameter in module.parameters()
    ]


def describe_anchor(method: Method) -> str:
    """A line for the log: ``anchor.features=10: backbone is held near its initial weights``; empty without one."""
    start = getattr(method, "start", None)
    if not isinstance(start, Anchor):
        return ""
    given = " ".join(f"anchor.{name}={value:g}" for name, value in start.settings.model_dump().items() if value)
    return f"{given}: {', '.join(start.keys())} {'is' if len(start) == 1 else 'are'} held near the initial weights"
