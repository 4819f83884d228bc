"""Special pictures are counted; a row's fields are tested where they are read (test_chunk_worker, test_tiling)."""

from __future__ import annotations

from codo.preparation.rows import Specials
from codo.rasters.levels import Depth


def test_special_pictures_are_counted() -> None:
    specials = Specials()
    for depth, bands in ((None, 0), (Depth(0, 1, 2, 0.5), 5), (None, 5)):
        specials.add(depth, bands)
    assert (len(specials.depths), specials.bands) == (1, {5: 2})
