"""From finished chunks to the catalog: shards, rejections, duplicates; killed and continued."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import CodoError, Interrupted
from codo.preparation import merge
from codo.preparation.merge import group
from codo.preparation.prepare import prepare
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.preparation.catalogs import files, quick, rejected, webdataset


def test_too_many_rejections_stop_and_the_repaired_source_goes_on(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(90) | {f"bad{n}.jpg": b"x" for n in range(10)})
    out = tmp_path / "out"
    with pytest.raises(CodoError, match=r"of 100 images rejected .*as 'unreadable'; 5% are allowed") as caught:
        quick(source, out)
    assert caught.value.where == str(out / "rejected.csv")
    assert all(reason.startswith("unreadable") for reason in rejected(out).values())
    assert len(rejected(out)) > 5
    with pytest.raises(CodoError, match="images rejected"):
        quick(source, out)
    for n in range(8):
        (source / f"bad{n}.jpg").write_bytes(jpeg(500 + n))
    assert len(quick(source, out)) == 98
    assert len(rejected(out)) == 2


def test_a_catalog_of_nothing_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", {"a.jpg": b"x", "README": b"x"})
    with pytest.raises(CodoError, match="no image is left"):
        quick(source, tmp_path / "out", max_rejected=1)


def test_duplicates_are_counted(tmp_path: Path) -> None:
    write_folder(tmp_path / "s", jpegs(4) | {"copy.jpg": jpeg(2), "again.jpg": jpeg(2)})
    catalog = quick(tmp_path / "s", tmp_path / "out")
    assert len(catalog) == 6
    assert catalog.counts["duplicates"] == 2
    assert "2 duplicates" in catalog.summary()


def test_grouping() -> None:
    assert group([3, 3, 3, 9, 1, 1, 12, 2], 6) == [[0, 1], [2], [3], [4, 5], [6], [7]]
    assert group([5], 1) == [[0]]


def test_a_source_that_changes_after_shards_were_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(20))

    def run(out: str) -> None:
        prepare(source, tmp_path / out, propose=False, pack=40, jobs=1)

    with monkeypatch.context() as patch:
        patch.setattr(merge, "_write_parquet", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(Interrupted):
            run("out")
    assert (tmp_path / "out" / "shard-00000.tar").exists()
    write_folder(source, {"010.jpg": jpeg(77)})
    run("out")
    run("fresh")
    assert files(tmp_path / "out") == files(tmp_path / "fresh")


@pytest.mark.parametrize("step", ["_write_parquet", "discard"])
def test_killed_while_merging_it_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    source = write_folder(tmp_path / "s", jpegs(60))
    monkeypatch.setattr(merge, "MB", 60_000)  # shards of 60 kB, two or three chunks each

    def run(out: str) -> None:
        prepare(source, tmp_path / out, propose=False, pack=40, shard_mb=1, jobs=1)

    run("whole")
    shards = len(list((tmp_path / "whole").glob("shard-*.tar")))
    assert 3 <= shards <= 7
    for part in webdataset(tmp_path / "whole" / "shard-00001.tar").values():
        assert part.keys() == {"jpg", "json"}

    def stop(*_: object, **__: object) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(merge, step, stop)
        with pytest.raises(SystemError):
            run("out")
    with monkeypatch.context() as patch:
        # Half way through the shards: the second one is not there yet, the parts of the first are gone.
        copies = iter(range(1000))
        copy = merge.shutil.copyfileobj
        patch.setattr(merge.shutil, "copyfileobj", lambda *a: stop() if next(copies) > 4 else copy(*a))
        with pytest.raises(SystemError):
            run("half")
    assert 0 < len(list((tmp_path / "half").glob("shard-*.tar"))) < shards
    run("out")
    run("half")
    assert files(tmp_path / "out") == files(tmp_path / "half") == files(tmp_path / "whole")
