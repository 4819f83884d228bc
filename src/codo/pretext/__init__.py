"""Pretext tasks: methods that learn from a question about a single image whose answer the image itself contains.

They derive from `codo.methods.base` like all others and stand in `codo.methods.registry`, which finds them by name.

* ``task``: their base. ``rotation``: which quarter turn?
* ``patch_task``: how do patches of a grid lie? Methods ``context`` and ``jigsaw``; ``patch_dataset`` cuts the patches,
  ``aberration`` removes color fringes, ``permutations`` are the orders of a jigsaw.
* ``colorization``: which colors had a gray image? ``color_space`` is CIE Lab, ``color_bins`` its ab plane in bins,
  ``colored_crops`` refuses gray images.
* ``inpainting``: what was in a missing block? ``blocks`` are hidden, ``discriminator`` is the adversary.
* ``decoders``: from the backbone's maps to pixels, for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.pretext.colorization import Colorization as Colorization
    from codo.pretext.context import Context as Context
    from codo.pretext.inpainting import Inpainting as Inpainting
    from codo.pretext.jigsaw import Jigsaw as Jigsaw
    from codo.pretext.rotation import Rotation as Rotation
    from codo.pretext.task import PretextTask as PretextTask
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Colorization": "colorization",
            "Context": "context",
            "Inpainting": "inpainting",
            "Jigsaw": "jigsaw",
            "PretextTask": "task",
            "Rotation": "rotation",
        },
    )
