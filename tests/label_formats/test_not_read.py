"""Folders as other tools write them, that are not read; fiftyone 1.22.1 and datumaro 1.13.12 wrote such ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.label_formats.not_read import export_instead
from tests.catalog.pictures import jpeg, write_folder

CVAT = b"<?xml version='1.0' encoding='utf-8'?>\n<annotations>\n  <version>1.1</version>\n</annotations>\n"
FIFTYONE = b'{"classes": null,"labels": {"im00": [{"label": "dog","bounding_box": [0.25,0.26,0.66,0.23]}]}}'
DATUMARO = b'{"dm_format_version": "1.0", "infos": {}, "categories": {"label": {"labels": []}}, "items": []}'
KITTI = b"red car 0 0 0 37 34 136 65 0 0 0 0 0 0 0\n"

VIA_ROWS = (
    b"filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n"
    b'a.jpg,123,"{}",1,0,"{""name"":""rect"",""x"":1,""y"":2,""width"":3,""height"":4}","{""class"":""cat""}"\n'
)


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"annotations.xml": CVAT}, "annotations.xml is CVAT's own format: export the task from CVAT as COCO 1.0"),
        ({"labels.xml": CVAT, "data/a.jpg": b""}, "labels.xml is CVAT's own format"),
        ({"labels.json": FIFTYONE, "data/a.jpg": b""}, "labels.json is FiftyOne's own format"),
        ({"annotations/default.json": DATUMARO}, "annotations/default.json is Datumaro's own format"),
        (
            {"obj.names": b"cat", "images.txt": b"data/a.jpg", "data/a.txt": b"0 0"},
            "obj.names without a data file",
        ),
        ({"labels/a.txt": KITTI, "data/a.jpg": b""}, "labels/ has labels of KITTI"),
        (
            {"label_2/0.txt": b"", "label_2/1.txt": b"Car 0.00 0 -1.5 1 2 3 4 1.6 1.5 3 1.8 1.4 8 -1\n"},
            "label_2/ has",
        ),
        ({"train/label_2/0.txt": KITTI, "train/image_2/0.png": b""}, "train/label_2/ has labels of KITTI"),
        ({"metadata.jsonl": b'{"file_name": "a.jpg"}', "a.jpg": b""}, "metadata files of Hugging Face's image folders"),
        (
            {"via_region_data.csv": VIA_ROWS, "a.jpg": b""},
            "via_region_data.csv is VIA's table of regions: export the annotations from VIA as JSON",
        ),
        (
            {"_annotations.csv": b"filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,9,9,cat,1,1,3,3\n"},
            "_annotations.csv is a table of boxes",
        ),
        ({"cat/a.jpg": jpeg(1), "dog/b.jpg": jpeg(2)}, "the images in cat/ and others have no boxes"),
    ],
)
def test_what_to_export_instead(files: dict[str, bytes], what: str, tmp_path: Path) -> None:
    assert export_instead(write_folder(tmp_path / "a", files)).startswith(what)


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": b"Car 1 2 3"},
        {"labels/a.txt": b"0 0.5 0.5 0.2 0.2\n"},
        {"a.xml": b"<annotation><filename>a.jpg</filename></annotation>"},
        {"obj.names": b"cat", "obj.data": b"classes = 1"},
        {"labels.json": b'{"images": []}'},
        {"sizes.csv": b"filename,width,height\na.jpg,9,9\n"},
    ],
)
def test_other_folders_are_not_taken_for_these(files: dict[str, bytes], tmp_path: Path) -> None:
    assert export_instead(write_folder(tmp_path / "a", files)) == ""


def test_a_file_of_labels(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {"labels.xml": CVAT, "labels.json": FIFTYONE, "other.txt": b"x"})
    assert export_instead(folder / "labels.xml").startswith("labels.xml is CVAT's own format")
    assert "COCODetectionDataset" in export_instead(folder / "labels.json")
    assert export_instead(folder / "other.txt") == ""
