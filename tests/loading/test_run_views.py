"""Views of a run from its settings alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.catalog.catalog import open_catalog
from codo.core.errors import CodoError
from codo.loading.run_views import open_views


def test_views_need_no_more_than_the_settings(catalog: Path) -> None:
    config = {
        "foregrounds": str(catalog),
        "backgrounds": {"query": [str(catalog)], "key": [str(catalog)]},
        "canvas": 64,
        "seed": 0,
        "views": 3,
        "cpj": {},
        "augment": {},
    }
    cpj, views = open_views(config)
    assert views == 3
    assert len(cpj) == len(open_catalog(catalog))
    with pytest.raises(CodoError, match="the settings do not describe views"):
        open_views({"seed": 1})
