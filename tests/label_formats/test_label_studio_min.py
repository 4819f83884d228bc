"""JSON-MIN of Label Studio: regions without types, by control, a row for every annotation."""

from __future__ import annotations

from pathlib import Path

from codo.label_formats.label_studio_min import complete_tasks
from tests.annotations.refusals import Refuses
from tests.label_formats.samples import boxes, image, read
from tests.label_formats.test_label_studio import RECTANGLE, UPLOAD, task, write


def test_regions_with_labels(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    region = {**RECTANGLE["value"], "original_width": 100, "original_height": 80}
    found = read(write(tmp_path, {"image": UPLOAD, "id": 3, "label": [region], "annotator": 1, "lead_time": 4.2}))
    assert boxes(found) == [("cat", 10, 20, 30, 40)]


def test_a_shape_whose_labels_have_a_control_of_their_own(tmp_path: Path) -> None:
    """Both controls list the region, as label-studio-sdk 2.1.2 writes it; only one list has the labels."""
    image(tmp_path / "a.png")
    size = {"original_width": 100, "original_height": 80}
    bare = {"x": 10, "y": 25, "width": 30, "height": 50, "rotation": 0, **size}
    outline = {"points": [[50, 12.5], [90, 12.5], [90, 87.5]], **size}
    row = {
        "image": UPLOAD,
        "id": 3,
        "rect": [bare],
        "poly": [outline],
        "label": [{**bare, "labels": ["cat"]}, {**outline, "labels": ["dog"]}],
        "quality": [{**bare, "choices": ["blurred"]}],
        "mask": [{"rle": [0, 1], "format": "rle", "labels": ["cat"], **size}],
    }
    found = read(write(tmp_path, row))
    assert boxes(found) == [("cat", 10, 20, 30, 40), ("dog", 50, 10, 40, 60)]
    assert any("1 results that are no boxes or polygons are left out (1 brush)" in note for note in found.notes)


def test_a_row_is_an_annotation_of_a_task(tmp_path: Path) -> None:
    image(tmp_path / "a.png")
    region = {**RECTANGLE["value"], "original_width": 100, "original_height": 80}
    row = {"image": UPLOAD, "id": 3, "label": [region], "annotation_id": 2, "updated_at": "2024-01-02"}
    older = {**row, "label": [{**region, "rectanglelabels": ["dog"]}], "annotation_id": 1, "updated_at": "2024-01-01"}
    found = read(write(tmp_path, row, older))
    assert boxes(found) == [("cat", 10, 20, 30, 40)]
    assert any("1 tasks have several annotations; the latest of each is read" in note for note in found.notes)


def test_regions_without_labels_are_refused(tmp_path: Path, refuses: Refuses) -> None:
    for name in ("a.png", "b.png"):
        image(tmp_path / name)
    region = {"x": 1, "y": 2, "width": 3, "height": 4, "original_width": 100, "original_height": 80}
    rows = [{"image": name, "id": i, "rect": [region]} for i, name in enumerate(("a.png", "b.png"))]
    write(tmp_path, *rows)
    refuses(tmp_path, "2 results without a label; the first: result 1", "project-1-at-2024.json", "data.split=0.5")


def test_tasks_of_json_are_returned_as_they_are() -> None:
    tasks = [task(RECTANGLE), {"id": 2, "data": {"image": "b.png"}}]
    assert complete_tasks(tasks) is tasks
