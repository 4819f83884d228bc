"""Labels beside the images of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codo.probes import labels_at_hand as module
from codo.probes.labels_at_hand import labels_at_hand
from tests.conftest import MakeData


def test_found_at_a_source_and_in_the_folders_that_it_lies_in(make_data: MakeData, tmp_path: Path) -> None:
    folder = make_data()
    inside = folder / "train" / "more"
    inside.mkdir(exist_ok=True)
    bare = tmp_path / "bare" / "one" / "two" / "three"
    bare.mkdir(parents=True)
    for source in (folder, folder / "train", inside):
        assert labels_at_hand([str(bare), str(source)]) == str(folder)
    deep = inside / "deeper"
    deep.mkdir()
    assert labels_at_hand([str(deep)]) is None  # too far away to be meant


def test_no_folder_and_what_cannot_be_read_are_skipped(
    make_data: MakeData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert labels_at_hand([]) is None
    assert labels_at_hand(["s3://bucket/images", str(tmp_path / "missing"), str(tmp_path / "list.txt")]) is None
    folder = make_data()

    def denied(*_: object) -> bool:
        raise PermissionError("denied")

    readers = {name: replace(reader, recognizes=denied) for name, reader in module.READERS.items()}
    monkeypatch.setattr(module, "READERS", readers)
    assert labels_at_hand([str(folder)]) is None
