"""Augmentation of pixels and boxes (paper, section 3.1). Works on arrays; does not depend on catalogs.

* ``cpj``: copy, paste, jitter (Eq. 1 and 2).
* ``boxes``: IoU, clipping, box jitter; ``anchors``: InsLoc's box augmentation.
* ``view_choices``: all random choices of a pasted view; ``random_crop``: random resized crops; ``random_numbers``:
  random numbers in Python and in compiled code.
* ``photometric``: MoCo v2's color jitter, gray and blur: settings and random parameters; ``device_photometric``: the
  same for a whole batch on the GPU.
* ``randaugment``: RandAugment of whole images.
* ``lazy_image``: an image of which only the part that a view needs is decoded.
* ``kernels``: the compiled code: resampling, color, blur, and rendering a part of a view in one call; random numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.views.cpj import CopyPasteJitter as CopyPasteJitter
    from codo.views.cpj import CPJSettings as CPJSettings
    from codo.views.cpj import View as View
    from codo.views.lazy_image import LazyImage as LazyImage
    from codo.views.photometric import AugmentSettings as AugmentSettings
    from codo.views.photometric import Photometric as Photometric
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "AugmentSettings": "photometric",
            "CPJSettings": "cpj",
            "CopyPasteJitter": "cpj",
            "LazyImage": "lazy_image",
            "Photometric": "photometric",
            "View": "cpj",
        },
    )
