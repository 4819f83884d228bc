"""The table of formats: what each recognizes, and what it says where a split is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from codo.annotations.formats import READERS
from codo.annotations.source import find_format, read_annotations
from codo.core.errors import InputError
from tests.annotations.layouts import settings
from tests.annotations.refusals import Refuses, Spoil


def test_each_format_recognizes_its_own_folder_only(right: dict[str, Path]) -> None:
    for kind, folder in right.items():
        data = settings(folder)
        assert [name for name, reader in READERS.items() if reader.recognizes(data, folder)] == [kind]


def test_xml_files_in_a_folder_of_another_format_do_not_matter(spoil: Spoil, right: dict[str, Path]) -> None:
    """Less common layouts are looked for only where no usual one is."""
    for kind in ("coco", "yolo"):
        data = spoil(kind)
        for file in (right["voc"] / "VOC2007/Annotations").glob("*.xml"):
            shutil.copy(file, data / file.name)
        assert find_format(settings(data)) == kind
        assert len(read_annotations(settings(data), "train")) == 4


def test_coco_without_val(spoil: Spoil, refuses: Refuses) -> None:
    data = spoil("coco")
    (data / "annotations/instances_val.json").unlink()
    refuses(data, "there is one set of images, 'train', and no other to evaluate on", str(data))
    truth = json.loads((data / "annotations/instances_train.json").read_text())
    (data / "annotations/instances_test.json").write_text(json.dumps(truth))
    refuses(data, "no split 'val', but train, test", str(data))
    with pytest.raises(InputError, match="no split 'val'") as caught:
        read_annotations(settings(data), "val")
    assert caught.value.fix == "evaluate on test with data.val_split=test"
    whole = settings(data, split=0.25)
    assert [len(read_annotations(whole, split)) for split in ("train", "val")] == [3, 1]
