"""``codo view`` on a catalog, a pretraining run and a finetuning run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.loading.run_views import open_views
from codo.reporting.view import view
from tests.reporting.conftest import BOXES, KEYS, SIZES, shown_boxes, views_config

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
MakeCatalog = Callable[..., Path]


def test_views_are_those_of_the_run(make_run: MakeRun, make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    fg, bg = make_catalog("fg", KEYS, SIZES, BOXES), make_catalog("bg", KEYS, SIZES)
    config = views_config(fg, bg)
    page = read_page(view(make_run(config=config).path))
    assert len(page.attributes("img")) == 3 * 4  # three samples: the proposal and three views
    cpj, views = open_views(config)
    made = [view for sample in range(3) for view in cpj.views(0, sample, range(views))]
    for kind, boxes in (("paste", [v.pasted for v in made]), ("jitter", [v.box for v in made])):
        expected = np.array([[a, b, c - a, d - b] for a, b, c, d in boxes])
        np.testing.assert_allclose(np.array(shown_boxes(page, kind)), expected, rtol=1e-4)


def test_where_the_page_goes(make_catalog: MakeCatalog, tmp_path: Path) -> None:
    folder = make_catalog("photos", KEYS, SIZES, BOXES)
    assert view(folder) == folder / "view.html"
    assert view(str(folder), out=tmp_path / "other.html") == tmp_path / "other.html"


def test_what_is_neither(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a catalog, nor a run"):
        view(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_run_whose_catalogs_are_gone_cannot_be_viewed(make_run: MakeRun) -> None:
    run = make_run()
    with pytest.raises(CodoError):
        view(run.path)
    assert not (run.path / "view.html").exists()
