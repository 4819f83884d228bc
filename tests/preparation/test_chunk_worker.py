"""One chunk of images: rows, reasons, and the order of what is read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from codo.catalog.decode import InvalidImage, Limits
from codo.core.errors import CodoError
from codo.preparation import rows
from codo.preparation.chunk_worker import examine, read_all
from codo.preparation.manifest import Item
from codo.preparation.prepare_settings import PrepareSettings
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.object_store import Fault, Store, impatient
from tests.preparation.catalogs import quick, rejected


def item(uri: str, problem: str = "") -> Item:
    return Item(Path(uri).name, uri, 0, -1, False, problem, "")


def test_the_row_of_an_image() -> None:
    data = jpeg(7, 70, 40, orientation=6)
    row = examine(item("/photos/turned.jpg"), data, PrepareSettings(), Limits(), None)
    words = row.pop("proposals")
    assert row == {
        "key": "turned.jpg",
        "uri": "/photos/turned.jpg",
        "offset": 0,
        "size": len(data),
        "compression": "none",
        "orientation": 6,
        "width": 40,
        "height": 70,
        "hash": hashlib.blake2b(data, digest_size=16).digest(),
        "rung": row["rung"],
    }
    assert row["rung"] in ("filtered", "ratio", "side", "whole")
    boxes = words.view("<u2").reshape(-1, 4)
    assert len(boxes) >= 1
    assert (boxes[:, 2:] <= (40, 70)).all()
    assert (boxes[:, :2] < boxes[:, 2:]).all()


def test_an_image_below_the_limits_is_rejected() -> None:
    with pytest.raises(InvalidImage, match="too small"):
        examine(item("a.jpg"), jpeg(1, 60, 48), PrepareSettings(), Limits(min_side=50), None)


def test_files_are_read_in_order_with_reasons_for_those_that_cannot(tmp_path: Path, s3: Store) -> None:
    write_folder(tmp_path, {"1.jpg": b"one"})
    local = [item(f"{tmp_path}/1.jpg"), item(f"{tmp_path}/2.jpg"), item("x", problem="unreadable: encrypted")]
    far = []
    for number in range(40):  # more than are fetched at once
        s3.put({str(number): b"%d" % number})
        far.append(item(f"{s3.url}/{number}"))
    for items, expected in ((local, [b"one"]), (local + far, [b"one", *(b"%d" % number for number in range(40))])):
        found = list(read_all(items))
        assert [one for one, _ in found] == items
        assert [data for _, data in found if isinstance(data, bytes)] == expected
        reasons = [data.reason for _, data in found if isinstance(data, InvalidImage)]
        assert reasons == ["missing: no such file", "unreadable: encrypted"]


def test_a_bug_in_the_search_names_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(2))
    monkeypatch.setattr(rows, "propose", lambda *_: 1 / 0)
    with pytest.raises(CodoError, match="ZeroDivisionError") as caught:
        quick(source, tmp_path / "out", propose=True)
    assert "000.jpg" in caught.value.where


def test_missing_remote_files_are_rejected_but_a_lost_connection_stops(
    tmp_path: Path, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put(jpegs(3))
    (tmp_path / "l.txt").write_text("".join(f"{s3.url}/{name}\n" for name in ("000.jpg", "gone.jpg", "002.jpg")))
    assert len(quick(tmp_path / "l.txt", tmp_path / "out", max_rejected=0.5)) == 2
    assert rejected(tmp_path / "out") == {"codo-tests/gone.jpg": "missing: no such file"}
    impatient(monkeypatch)
    s3.faults.append(Fault("hang", times=1000, key="001.jpg"))
    with pytest.raises(CodoError, match=r"cannot read from the source: .*timeout") as caught:
        quick(s3.url, tmp_path / "out2", jobs=1)
    assert caught.value.where == f"{s3.url}/001.jpg"
    assert "continues" in caught.value.fix
    s3.faults.clear()
    assert len(quick(s3.url, tmp_path / "out2", jobs=1)) == 3
