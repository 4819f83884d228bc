"""`prepare` from end to end: messy folders, one result for any number of processes, resuming, refusing."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from codo.catalog import reading
from codo.catalog.catalog import Catalog
from codo.core.errors import CodoError, InputError
from codo.core.io import open_atomically
from codo.preparation import chunk_worker, engines
from codo.preparation.prepare import default_cache, open_or_prepare, prepare
from tests.catalog.pictures import encode, jpeg, jpegs, picture, write_folder
from tests.catalog.sources.listings import write_tar, write_zip
from tests.catalog.test_decode import png_header


def quick(source: object, out: Path, **options: Any) -> Catalog:
    """`prepare` in this process and, unless asked for, without proposals."""
    return prepare(source, out, **({"propose": False, "jobs": 1, "progress": False} | options))


def rejected(out: Path) -> dict[str, str]:
    with (out / "rejected.csv").open(newline="", encoding="utf-8") as file:
        return {row["key"]: row["reason"] for row in csv.DictReader(file)}


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """Images of all kinds, and a few broken ones among enough good ones."""
    good = jpegs(150, "good/")
    odd = {
        "cmyk.jpg": encode(Image.fromarray(picture(1)).convert("CMYK")),
        "deep.png": encode(np.linspace(0, 65535, 48 * 60).reshape(48, 60).astype(np.uint16), "PNG"),
        "gray.png": encode(picture(2)[:, :, 0], "PNG"),
        "wide.png": encode(picture(3, 20000, 33), "PNG"),
        "wrongly_named.jpg": encode(picture(4), "WEBP"),
        "0a1b2c": jpeg(200),
    }
    odd |= {f"turned{o}.jpg": jpeg(o, 70, 40, orientation=o) for o in range(1, 9)}
    bad = {
        "truncated.jpg": jpeg(1)[:-400],
        "empty.jpg": b"",
        "text.jpg": b"only words\n" * 100,
        "pixel.png": encode(picture(0, 1, 1), "PNG"),
        "over.png": png_header(20000, 6000),
    }
    other = {"notes.txt": b"x", "README": b"no image", "annotations.xml": b"<x/>"}
    return write_folder(tmp_path / "messy", good | odd | bad | other)


def test_a_messy_folder(messy: Path, tmp_path: Path) -> None:
    catalog = quick(messy, tmp_path / "out")
    reasons = {key: reason.partition(":")[0] for key, reason in rejected(tmp_path / "out").items()}
    assert reasons == {
        "truncated.jpg": "truncated",
        "empty.jpg": "empty",
        "text.jpg": "unreadable",
        "pixel.png": "too small",
        "over.png": "too large",
    }
    assert len(catalog) == 164
    assert catalog.counts["rejected"] == 5
    assert catalog.counts["ignored"] == {".txt": 1, ".xml": 1, "no extension": 1}
    rows = {catalog.key(i): i for i in range(len(catalog))}
    for orientation in range(1, 9):
        i = rows[f"turned{orientation}.jpg"]
        assert catalog.size(i) == ((70, 40) if orientation < 5 else (40, 70))
        assert catalog.image(i).shape[1::-1] == catalog.size(i)
    assert catalog.size(rows["wide.png"]) == (20000, 33)
    assert catalog.image(rows["cmyk.jpg"]).shape == (48, 60, 3)
    assert catalog.image(rows["deep.png"]).max() == 255
    assert catalog.image(rows["0a1b2c"]).shape == (48, 60, 3)


@pytest.mark.parametrize("pack", [None, 40])
def test_the_result_does_not_depend_on_jobs(messy: Path, tmp_path: Path, pack: int | None) -> None:
    for jobs in (1, 3):
        quick(messy, tmp_path / str(jobs), jobs=jobs, pack=pack)
    assert files(tmp_path / "1") == files(tmp_path / "3")


def test_proposals_do_not_depend_on_jobs(photos: Path, catalog: Path, tmp_path: Path) -> None:
    prepare(photos, tmp_path / "out", jobs=2)
    assert files(tmp_path / "out") == files(catalog)


def test_duplicates_are_counted(tmp_path: Path) -> None:
    write_folder(tmp_path / "s", jpegs(4) | {"copy.jpg": jpeg(2), "again.jpg": jpeg(2)})
    catalog = quick(tmp_path / "s", tmp_path / "out")
    assert len(catalog) == 6
    assert catalog.counts["duplicates"] == 2
    assert "2 duplicates" in catalog.summary()


def test_archives_and_urls_give_the_same_images(tmp_path: Path, memory: fsspec.AbstractFileSystem) -> None:
    photographs = jpegs(20)
    write_folder(tmp_path / "folder", photographs)
    tar, archive = write_tar(tmp_path / "x.tar", photographs), write_zip(tmp_path / "x.zip", photographs)
    for name, data in photographs.items():
        memory.pipe(f"/bucket/folder/{name}", data)
    memory.pipe("/bucket/x.tar", tar.read_bytes())
    memory.pipe("/bucket/x.zip", archive.read_bytes())
    sources = [tmp_path / "folder", tar, archive, *(f"memory://bucket/{name}" for name in ("folder", "x.tar", "x.zip"))]
    first = quick(sources[0], tmp_path / "out0")
    for number, source in enumerate(sources[1:], 1):
        catalog = quick(source, tmp_path / f"out{number}", jobs=1 + number % 2)
        assert np.array_equal(catalog.hashes, first.hashes)
        assert all(np.array_equal(catalog.image(i), first.image(i)) for i in range(0, 20, 5))
    assert not list(tmp_path.rglob("*.tmp"))
    compression = pq.read_table(tmp_path / "out2" / "catalog.parquet").column("compression").to_pylist()
    assert set(compression) == {"deflate"}


def test_missing_remote_files_are_rejected_but_a_lost_connection_stops(
    tmp_path: Path, memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in jpegs(3).items():
        memory.pipe(f"/bucket/{name}", data)
    (tmp_path / "l.txt").write_text("".join(f"memory://bucket/{name}\n" for name in ("000.jpg", "gone.jpg", "002.jpg")))
    assert len(quick(tmp_path / "l.txt", tmp_path / "out", max_rejected=0.5)) == 2
    assert rejected(tmp_path / "out") == {"bucket/gone.jpg": "missing: no such file"}

    def lost(*_: object, **__: object) -> bytes:
        raise TimeoutError("no answer")

    monkeypatch.setattr(type(memory), "cat_file", lost)
    with pytest.raises(CodoError, match="cannot read from the source: no answer") as caught:
        quick("memory://bucket", tmp_path / "out2")
    assert "continues" in caught.value.fix
    monkeypatch.undo()
    assert len(quick("memory://bucket", tmp_path / "out2")) == 3


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


def test_files_far_larger_than_an_image_are_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(2) | {"huge.jpg": bytes(20_000)})
    monkeypatch.setattr(reading, "LARGEST_FILE", 10_000)
    assert len(quick(source, tmp_path / "out", max_rejected=0.5)) == 2
    assert rejected(tmp_path / "out")["huge.jpg"].startswith("too large:")


def test_more_rejections_can_be_allowed(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(3) | {f"bad{n}.jpg": b"x" for n in range(3)})
    with pytest.raises(CodoError, match="images rejected"):
        quick(source, tmp_path / "out")
    assert len(quick(source, tmp_path / "out", max_rejected=0.5)) == 3


def test_a_catalog_of_nothing_is_refused(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", {"a.jpg": b"x", "README": b"x"})
    with pytest.raises(CodoError, match="no image is left"):
        quick(source, tmp_path / "out", max_rejected=1)


def test_a_finished_catalog_is_opened_at_once(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    quick(source, tmp_path / "out")
    before = files(tmp_path / "out")
    for name in jpegs(3):
        (source / name).unlink()  # it is not even looked at
    assert len(quick(source, tmp_path / "out", jobs=2, max_rejected=0.3)) == 3
    assert files(tmp_path / "out") == before


def test_other_settings_are_refused_with_the_difference(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    write_folder(tmp_path / "t", jpegs(3))
    quick(source, tmp_path / "out")
    before = files(tmp_path / "out")
    with pytest.raises(InputError, match=r"\(min_side: 32 -> 40; pack: None -> 64\)"):
        quick(source, tmp_path / "out", pack=64, min_side=40)
    with pytest.raises(InputError, match=r"\(source: .*'.*/s'.* -> .*'.*/t'.*\)"):
        quick(tmp_path / "t", tmp_path / "out")
    with pytest.raises(InputError, match=r"proposals.mode: fast -> single"):
        quick(source, tmp_path / "out", **{"proposals.mode": "single"})
    assert files(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mni_side": 40}, r"unknown setting 'mni_side'"),
        ({"proposals.mod": "fast"}, r"unknown setting 'proposals.mod'"),
        ({"pack": "small"}, r"pack: .* got 'small'"),
        ({"pack": 8}, r"pack: "),
        ({"jobs": 0}, r"jobs is 0"),
        ({"engine": "rya"}, r"unknown engine 'rya'"),
        ({"max_megapixels": 1000}, r"max_megapixels"),
        ({"select": "trainval"}, r"not a VOCdevkit"),
        ({"select": "none.json"}, r"no such file"),
        ({"source": "phtos"}, r"no such file or folder"),
        ({"source": []}, r"no source is given"),
        ({"out": "memory://bucket/out"}, r"cannot be written to a URL"),
        ({"out": "photos/000.jpg"}, r"out is a file"),
        ({"out": "photos/000.jpg/out"}, r"cannot create"),
        ({"out": "photos"}, r"not empty and holds no catalog"),
    ],
)
def test_bad_input_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "photos", jpegs(2))
    source, out = options.pop("source", "photos"), options.pop("out", "out")
    with pytest.raises(InputError, match=message) as caught:
        quick(source, out, **options)
    assert caught.value.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    assert len(caught.value.lines()) == 3


def test_a_bug_in_the_search_names_the_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(2))
    monkeypatch.setattr(chunk_worker, "propose", lambda *_: 1 / 0)
    with pytest.raises(CodoError, match="ZeroDivisionError") as caught:
        quick(source, tmp_path / "out", propose=True)
    assert "000.jpg" in caught.value.where


def test_a_plain_folder_is_prepared_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_folder(tmp_path / "s", jpegs(5))
    options: dict[str, Any] = {"cache_dir": tmp_path / "cache", "jobs": 1}
    first = open_or_prepare(source, propose=False, **options)
    assert (len(first), first.has_proposals) == (5, False)
    with monkeypatch.context() as patch:
        patch.setattr(engines, "run", lambda *_: pytest.fail("prepared again"))
        assert open_or_prepare(str(source), propose=False, **options).path == first.path
    with_proposals = open_or_prepare(source, **options)
    assert with_proposals.has_proposals
    (source / "000.jpg").unlink()
    assert len(open_or_prepare(source, propose=False, **options)) == 4


def test_a_cached_catalog_with_proposals_serves_as_backgrounds(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(2))
    options: dict[str, Any] = {"cache_dir": tmp_path / "cache", "jobs": 1}
    path = open_or_prepare(source, **options).path
    backgrounds = open_or_prepare(source, propose=False, **options)
    assert (backgrounds.path, backgrounds.has_proposals) == (path, False)


def test_a_catalog_is_simply_opened(catalog: Path, tmp_path: Path) -> None:
    assert open_or_prepare(catalog, cache_dir=tmp_path / "cache").path == str(catalog)
    assert not (tmp_path / "cache").exists()
    (tmp_path / "begun" / ".work").mkdir(parents=True)
    with open_atomically(tmp_path / "begun" / ".work" / "plan.json") as file:
        file.write(b"{}")
    with pytest.raises(InputError, match="has not finished"):
        open_or_prepare(tmp_path / "begun", cache_dir=tmp_path / "cache")


def test_the_default_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODO_CACHE", "/somewhere")
    assert default_cache() == Path("/somewhere")
    monkeypatch.delenv("CODO_CACHE")
    assert default_cache() == Path("~/.cache/codo").expanduser()


@pytest.mark.photographs
def test_real_photographs(test_data: Path, tmp_path: Path) -> None:
    source = test_data / "downstream" / "coco_masks"
    catalog = quick(source / "annotations" / "instances_val.json", tmp_path / "out", pack=128)
    assert len(catalog) == len(list((source / "val").iterdir()))
    assert catalog.counts["rejected"] == 0
    assert min(catalog.image(0).shape[:2]) == 128
