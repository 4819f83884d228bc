"""A recipe's ``model.width`` where the command chooses a backbone of timm, which has no widths."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from codo.core.config import Settings

S = TypeVar("S", bound=Settings)


def without_recipe_width(settings: S, given: Mapping[str, Any]) -> tuple[S, str]:
    """Drop a recipe's ``model.width`` if the command chooses a timm backbone.

    Args:
        settings: The settings by recipe and command, with a group ``model``.
        given: The settings of the command alone, nested; a width among them stays, and is refused later.

    Returns:
        The settings, and a warning for the user and the log of the run; empty if nothing was dropped.
    """
    values: Any = settings
    model, width = given.get("model", {}), values.model.width
    if width == 1.0 or "width" in model or not str(model.get("backbone", "")).startswith("timm:"):
        return settings, ""
    warning = f"model.width={width:g} of the recipe is for ResNets: not used with {model['backbone']}"
    return settings.model_copy(update={"model": values.model.model_copy(update={"width": 1.0})}), warning
