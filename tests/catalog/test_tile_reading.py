"""The columns of tiles as views; reading is tested with what writes them (preparation/test_tiling.py)."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from codo.catalog.decode import decode
from codo.catalog.reading import Location, Reader
from codo.catalog.rejection import InvalidImage
from codo.catalog.schema import TILE_FIELDS
from codo.catalog.tile_reading import TileColumns, read_tile
from codo.models.pixel_rules import PixelRules
from codo.rasters.levels import Level
from codo.rasters.tiff import Window
from tests.rasters.files import tiff


def test_columns() -> None:
    rows = [
        {"x": -1, "y": -1, "levels": []},
        {"x": 64, "y": 0, "levels": [0.0, 9.0, 7.0, 1.0, 5.0, math.nan]},
        {"x": 0, "y": 64, "levels": []},
    ]
    table = pa.Table.from_pylist(rows, pa.schema(TILE_FIELDS))
    tiles = TileColumns.of({name: table.column(name).combine_chunks() for name in table.column_names})
    assert tiles.window(0, 30, 20) is None
    assert tiles.window(1, 30, 20) == Window(64, 0, 30, 20)
    assert tiles.levels(1)[0] == Level(0, 9, 7)
    assert math.isnan(tiles.levels(1)[1].missing)
    assert tiles.levels(0) == tiles.levels(2) == tiles.levels(-1) == ()


def test_without_recorded_levels_they_are_those_of_the_picture(tmp_path: Path) -> None:
    values = np.arange(64 * 64, dtype=np.float32).reshape(64, 64)
    (tmp_path / "a.tif").write_bytes(data := tiff(values, tile=(16, 16)))
    place, tile, rules = Location(str(tmp_path / "a.tif"), 0, len(data)), Window(32, 16, 16, 16), PixelRules()
    whole = decode(data)

    def read() -> bytes:
        return Reader().read(place)

    for levels in ((), (Level(0, 4095),)):
        assert np.array_equal(read_tile(read, place, tile, levels, 1, rules), whole[16:32, 32:48])
    with pytest.raises(InvalidImage, match="other bands than it had"):
        read_tile(read, place, tile, (Level(0, 4095),) * 3, 1, rules)
