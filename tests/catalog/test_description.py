"""The line about a catalog, and its warnings."""

from __future__ import annotations

from pathlib import Path

import codo
from codo.catalog import description
from tests.catalog.pictures import jpegs, write_folder


def test_the_line_counts_what_was_found(tmp_path: Path) -> None:
    pictures = jpegs(3, width=60, height=50)
    names = sorted(pictures)
    pictures["twin.jpg"] = pictures[names[0]]  # is kept, and told
    pictures["cut.jpg"] = pictures[names[1]][:100]
    folder = write_folder(tmp_path / "photos", pictures)
    (folder / "list.csv").write_text("a")
    catalog = codo.prepare(folder, tmp_path / "catalog", jobs=1, max_rejected=0.5)
    parts = description.line(catalog).split("; ")
    assert parts[0] == "4 images"
    assert parts[1].startswith(f"{sum(len(catalog.proposals(i)) for i in range(4)) / 4:.1f} proposals an image")
    assert parts[2:] == [f"1 rejected (why: {tmp_path}/catalog/rejected.csv)", "1 duplicates", "ignored 1 .csv"]
    assert description.warnings(catalog) == []
    assert catalog.summary() == description.line(catalog)


def test_without_proposals_the_line_says_nothing_of_them(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "photos", jpegs(2, width=60, height=50))
    assert description.line(codo.prepare(folder, tmp_path / "catalog", jobs=1, propose=False)) == "2 images"
