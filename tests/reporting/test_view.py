"""``codo view`` on a catalog, a pretraining run and a finetuning run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codo.catalog.catalog import open_catalog
from codo.core.errors import CodoError, InputError
from codo.core.run import Run
from codo.reporting.pretraining import open_views
from codo.reporting.report import write_report
from codo.reporting.view import view

ReadPage = Callable[[Path], Any]
MakeRun = Callable[..., Run]
MakeCatalog = Callable[..., Path]

KEYS = ["a/one.jpg", "<script>alert(1)</script>.png", "three.jpg"]
SIZES = [(80, 60), (100, 100), (64, 128)]
BOXES = [[0, 0, 40, 30], [10, 10, 60, 60, 0, 0, 100, 100], [0, 0, 64, 128]]


def config_of(foregrounds: Path, backgrounds: Path, views: int = 3) -> dict[str, Any]:
    pool = [str(backgrounds)]
    base = {"foregrounds": str(foregrounds), "backgrounds": {"query": pool, "key": pool}}
    return base | {"canvas": 64, "views": views, "seed": 5, "cpj": {}, "augment": {}, "batch_size": 2, "steps": 4}


def rects(page: Any, kind: str) -> list[tuple[float, ...]]:
    """The boxes of a kind on photographs as x, y, width, height; legends are left out."""
    photographs = [part.split("</figure>")[0] for part in page.raw.split('<figure class="picture')[1:]]
    shapes = [shape for part in photographs for shape in part.split(f'<g class="shape {kind}')[1:]]
    texts = [shape.split('<rect class="halo" ')[1].split("/>")[0] for shape in shapes]
    return [tuple(float(value.split('"')[1]) for value in text.split()) for text in texts]


def test_a_catalog(make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    folder = make_catalog("photos", KEYS, SIZES, BOXES, rejected=2, ignored={".txt": 3})
    (folder / "rejected.csv").write_text('key,reason\n"bad, one.jpg",truncated: 10 of 99 bytes\nx.jpg,empty\n')
    page = read_page(view(folder))
    assert page.facts["Images"] == "3"
    assert page.facts["Median size"].startswith("100 × 64")  # long sides 80, 100, 128; short sides 60, 100, 64
    assert page.facts["Proposals per image"] == "1.3 | at most 2"
    assert page.facts["Median proposal"].startswith("75%")  # roots of 1/4, 1/4, 1 and 1: 0.5, 0.5, 1, 1
    assert rects(page, "proposal") == [(0, 0, 40, 30), (10, 10, 50, 50), (0, 0, 100, 100), (0, 0, 64, 128)]
    assert [a["data-key"] for _, a in page.with_class("card")] == KEYS
    assert [a["data-proposals"] for _, a in page.with_class("card")] == ["1", "2", "1"]
    rungs, counts, reasons, files, settings = page.tables
    assert ["passed all filters", "3"] in rungs
    assert counts[1:] == [["rejected", "2"], ["not an image: .txt", "3"]]
    assert reasons[1:] == [["truncated", "1"], ["empty", "1"]]
    assert ["bad, one.jpg", "truncated: 10 of 99 bytes"] in files
    assert ["proposals.mode", "fast"] in settings


def test_a_catalog_without_proposals(make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    page = read_page(view(make_catalog("plain", KEYS, SIZES)))
    assert "80 × 60 px · no proposals" in page.text
    assert "Every file of the source is in the catalog." in page.text
    assert not page.with_class("proposal")


def test_the_page_of_a_large_catalog_stays_small(make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    many = 200
    folder = make_catalog("many", [f"{i}.jpg" for i in range(many)], [(32, 32)] * many, [[0, 0, 8, 8] * 4] * many)
    path = view(folder)
    page = read_page(path)
    assert "40 of 200 images, spread evenly over the catalog." in page.text
    assert len(page.attributes("img")) == 40
    assert path.stat().st_size < 1_000_000


def test_views_are_those_of_the_run(make_run: MakeRun, make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    fg, bg = make_catalog("fg", KEYS, SIZES, BOXES), make_catalog("bg", KEYS, SIZES)
    config = config_of(fg, bg)
    page = read_page(view(make_run(config=config).path))
    assert len(page.attributes("img")) == 3 * 4  # three samples: the proposal and three views
    cpj, views = open_views(config)
    made = [view for sample in range(3) for view in cpj.views(0, sample, range(views))]
    for kind, boxes in (("paste", [v.pasted for v in made]), ("jitter", [v.box for v in made])):
        expected = np.array([[a, b, c - a, d - b] for a, b, c, d in boxes])
        np.testing.assert_allclose(np.array(rects(page, kind)), expected, rtol=1e-4)


def test_the_report_shows_proposals_and_views(
    make_run: MakeRun, make_catalog: MakeCatalog, healthy: list[dict[str, Any]], read_page: ReadPage
) -> None:
    fg = make_catalog("fg", KEYS, SIZES, BOXES)
    page = read_page(write_report(make_run(healthy, config_of(fg, fg))))
    assert "3 of the 3 images that proposals are cut from" in page.text
    assert len(page.attributes("img")) == 3 + 3 * 4
    assert page.text.count("view 2 · key") == 3
    assert len(page.attributes("script")) == 1


def test_images_that_changed_do_not_stop_a_report(
    make_run: MakeRun, make_catalog: MakeCatalog, read_page: ReadPage
) -> None:
    fg = make_catalog("fg", KEYS, SIZES, BOXES)
    (fg / "1.png").write_bytes(b"no image")
    page = read_page(write_report(make_run(config=config_of(fg, fg))))
    assert "No pictures: the images of this run cannot be read here any more" in page.text


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


def test_views_need_no_more_than_the_settings(make_catalog: MakeCatalog) -> None:
    fg = make_catalog("fg", KEYS, SIZES, BOXES)
    cpj, views = open_views(config_of(fg, fg))
    assert views == 3
    assert len(cpj) == len(open_catalog(fg))
    with pytest.raises(CodoError, match="the settings hold no views"):
        open_views({"seed": 1})
