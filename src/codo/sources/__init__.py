"""Sources of images: from what a user names to a listing of image files.

* ``source``: which kind of source a path is, and the listing of all of them.
* ``listing``: members, names of image files, unique keys, fingerprint.
* ``folder``: folder trees; ``archives``: tar and zip.
* ``image_lists``: parses files that list images (text, VOC image sets, COCO annotations), also for `codo.annotations`.
* ``selection``, ``voc``: selecting among the images by such files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.sources.listing import Listing as Listing
    from codo.sources.listing import Member as Member
    from codo.sources.source import list_sources as list_sources
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__, {"Listing": "listing", "Member": "listing", "list_sources": "source"}
    )
