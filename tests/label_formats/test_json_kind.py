"""Which format a JSON file has, by its beginning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from codo.label_formats.json_kind import HEAD, json_kind, kind_of

SAMPLES: list[tuple[Any, str | None]] = [
    ({"images": [], "annotations": [], "categories": []}, "coco"),
    ({"info": {}, "licenses": [{"id": 1}], "images": [{"file_name": "a.jpg", "regions": []}]}, "coco"),
    ({"version": "5.5.0", "shapes": [{"label": "x"}], "imagePath": "a.jpg"}, "labelme"),
    ({"_via_settings": {"core": {}}, "_via_img_metadata": {}}, "via"),
    ({"a.jpg12": {"filename": "a.jpg", "size": 12, "regions": []}}, "via"),
    ({"a.jpg12": {"fileref": "", "size": 12, "filename": "a.jpg", "regions": {"0": {}}}}, "via"),
    ([{"image": "a.jpg", "annotations": [{"label": "x", "coordinates": {"x": 1}}]}], "createml"),
    ([{"image": "a.jpg", "annotations": []}], "createml"),
    ([{"id": 1, "annotations": [{"id": 2, "result": []}], "data": {"image": "a.jpg"}}], "label_studio"),
    ([{"image": "a.jpg", "id": 1, "label": [{"x": 1, "original_width": 5, "original_height": 5}]}], "label_studio"),
    ([{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4], "score": 0.5}], None),
    ([{"image": "a.jpg", "annotations": [{"bbox": [1, 2, 3, 4]}]}], None),
    ([{"data": {"image": "a.jpg"}}], None),
    ({"shapes": [1]}, None),
    ({"camera": "left"}, None),
    ([], None),
    (3, None),
]


@pytest.mark.parametrize(("values", "kind"), SAMPLES)
def test_each_format_by_its_keys(values: Any, kind: str | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text(json.dumps(values, indent=1), encoding=encoding)
        assert json_kind(path) == kind


def test_texts_are_no_keys() -> None:
    assert kind_of(json.dumps({"note": '"shapes": {', "images": [{"file_name": 'a"b.jpg'}]})) == "coco"
    assert kind_of(json.dumps({"x": ["images", {"shapes": "imagePath"}]})) is None


def test_only_the_beginning_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [' + ",".join(["{}"] * HEAD))  # cut off, and larger than what is looked at
    assert json_kind(path) == "coco"
    path.write_bytes(('{"images": ["' + "é" * HEAD).encode())
    assert json_kind(path) == "coco"
    assert json_kind(tmp_path / "none.json") is None
