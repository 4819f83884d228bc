"""Whatever is wrong with a file is told as damage; what is wrong elsewhere is not."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import tifffile

from codo.rasters.tiff import Raster
from codo.rasters.tiff_errors import DamagedTiff, UnreadableTiff, told_as_damage
from tests.rasters.files import bands, tiff

FILES = [
    tiff(bands(kind=np.uint8, top=250), tile=(16, 16), compression="zlib"),
    tiff(bands(), planar=True),
    tiff(bands(1)[:, :, 0], rowsperstrip=9, compression="lzma", nodata="-9999"),
    tiff(bands(4, kind=np.float32), extrasamples=["unassalpha"], photometric="rgb", bigtiff=True, byteorder=">"),
]


@pytest.mark.parametrize("number", range(len(FILES)))
def test_damaged_headers(number: int) -> None:
    """Changed bytes in the first directory, which says what and where everything is."""
    rng, wrong = np.random.default_rng(number), 0
    for _ in range(150):
        data = bytearray(FILES[number])
        for place in rng.integers(8, 250, 2):
            data[place] = rng.integers(0, 256)
        try:
            with Raster(bytes(data)) as raster:
                if raster.width * raster.height < 1e6:
                    raster.read_with_alpha([1])
        except (DamagedTiff, UnreadableTiff):
            wrong += 1
    assert wrong > 20


def test_other_faults_keep_their_names() -> None:
    for fault in (OSError("disk"), MemoryError(), AttributeError("a bug"), UnreadableTiff("no codec")):
        with pytest.raises(type(fault)) as caught, told_as_damage():
            raise fault
        assert caught.value is fault
    with pytest.raises(DamagedTiff, match="incorrect header check"), told_as_damage():
        zlib.decompress(b"no stream")
    with pytest.raises(DamagedTiff, match="corrupted IFD"), told_as_damage():
        raise tifffile.TiffFileError("corrupted IFD structure")
    with pytest.raises(DamagedTiff, match="KeyError"), told_as_damage():
        raise KeyError
