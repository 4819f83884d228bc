"""The catalog: one dataset of images as a directory, which every later step reads (`codo.preparation` makes it).

* ``schema``: the format: files, columns, metadata.
* ``catalog``: opening and reading; ``table``: its Parquet file as arrays; ``boxes``: proposals in it and in pixels.
* ``reading``: bytes of images in place, also inside archives and tables, local or by URL; ``pages``: compressed pages.
* ``decode``: bytes to RGB, and why some images are rejected.
* ``jpeg_tiles``, ``tile_copy``: a part of a packed JPEG without decoding the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.catalog.catalog import Catalog as Catalog
    from codo.catalog.catalog import is_catalog as is_catalog
    from codo.catalog.catalog import open_catalog as open_catalog
    from codo.catalog.decode import InvalidImage as InvalidImage
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Catalog": "catalog",
            "InvalidImage": "decode",
            "is_catalog": "catalog",
            "open_catalog": "catalog",
        },
    )
