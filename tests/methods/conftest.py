"""Objects of the small pictures, for ORL and the search of its pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

import codo
from codo.loading.crop_dataset import Crop
from codo.loading.object_pairs import UNCHANGED, ObjectPairs


@pytest.fixture
def dataset(catalog: Path) -> ObjectPairs:
    crops = [Crop(32, UNCHANGED)] * 2
    return ObjectPairs(codo.open_catalog(catalog), crops, crops, compared=3, min_side=32, seed=0)
