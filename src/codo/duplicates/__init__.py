"""Images that are the same picture in another file: the same bytes, resized, or encoded again.

* ``perceptual``: a hash of what a picture looks like, and the comparison of two pictures.
* ``hashes``: the hashes of many images, kept in the cache.
* ``identical_images``: files of two sets with the same bytes.
* ``near``: near-duplicates between two sets of images, and the sentence about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.duplicates.near import NearDuplicate as NearDuplicate
    from codo.duplicates.near import near_in_catalogs as near_in_catalogs
    from codo.duplicates.near import near_in_files as near_in_files
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"NearDuplicate": "near", "near_in_catalogs": "near", "near_in_files": "near"}
    )
