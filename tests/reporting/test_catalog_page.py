"""The page of a catalog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from codo.reporting.view import view
from tests.reporting.conftest import BOXES, KEYS, SIZES, shown_boxes

ReadPage = Callable[[Path], Any]
MakeCatalog = Callable[..., Path]


def test_a_catalog(make_catalog: MakeCatalog, read_page: ReadPage) -> None:
    folder = make_catalog("photos", KEYS, SIZES, BOXES, rejected=2, ignored={".txt": 3})
    (folder / "rejected.csv").write_text('key,reason\n"bad, one.jpg",truncated: 10 of 99 bytes\nx.jpg,empty\n')
    page = read_page(view(folder))
    assert page.facts["Images"] == "3"
    assert page.facts["Median size"].startswith("100 × 64")  # long sides 80, 100, 128; short sides 60, 100, 64
    assert page.facts["Proposals per image"] == "1.3 | at most 2"
    assert page.facts["Median proposal"].startswith("75%")  # roots of 1/4, 1/4, 1 and 1: 0.5, 0.5, 1, 1
    assert shown_boxes(page, "proposal") == [(0, 0, 40, 30), (10, 10, 50, 50), (0, 0, 100, 100), (0, 0, 64, 128)]
    assert [a["data-key"] for _, a in page.with_class("card")] == KEYS
    assert [a["data-proposals"] for _, a in page.with_class("card")] == ["1", "2", "1"]
    stages, counts, reasons, files, settings = page.tables
    assert ["passed all filters", "3"] in stages
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
