"""Saliency without labels: which part of a picture is an object. Arrays only, no catalog.

* ``robust_background``: saliency from robust background detection; ``superpixels``: what it is computed on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.saliency.robust_background import saliency as saliency
else:
    __getattr__, __dir__, __all__ = lazy_exports(__name__, {"saliency": "robust_background"})
