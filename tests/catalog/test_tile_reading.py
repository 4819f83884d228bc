"""The columns of tiles as views; reading is tested with what writes them (preparation/test_tiling.py)."""

from __future__ import annotations

import math

import pyarrow as pa

from codo.catalog.schema import TILE_FIELDS
from codo.catalog.tile_reading import TileColumns
from codo.rasters.levels import Level
from codo.rasters.tiff import Window


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
