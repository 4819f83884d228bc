"""`prepare` from end to end: messy folders, one result for any number of processes, resuming, refusing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from codo.catalog import reading
from codo.catalog.catalog import open_catalog
from codo.core.errors import CodoError, InputError
from codo.core.io import open_atomically
from codo.preparation import engines
from codo.preparation.prepare import open_or_prepare, prepare
from tests.catalog.pictures import encode, jpeg, jpegs, picture, write_folder
from tests.catalog.test_decode import png_header
from tests.object_store import Store
from tests.preparation.catalogs import files, quick, rejected
from tests.sources.listings import write_tar, write_zip
from tests.sources.table_files import image_table, write_as_datasets


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
    assert f"5 rejected (why: {tmp_path / 'out' / 'rejected.csv'})" in catalog.summary()
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


@pytest.mark.parametrize("jobs", [1, 2])
def test_prepared_again_in_the_same_process_it_has_the_new_settings(photos: Path, tmp_path: Path, jobs: int) -> None:
    out = tmp_path / "out"
    each: list[dict[str, Any]] = [{"propose": False}, {"proposals": {"max_boxes": 2}}, {"pack": 48}]
    alone = [prepare(photos, tmp_path / f"{i}", jobs=jobs, **settings) for i, settings in enumerate(each)]
    for settings, fresh in zip(each, alone, strict=True):  # nothing else is prepared in between
        catalog = prepare(photos, out, jobs=jobs, **settings)
        assert catalog.has_proposals == fresh.has_proposals == ("propose" not in settings)
        for i in range(len(catalog)):
            if catalog.has_proposals:
                assert np.array_equal(catalog.proposals(i), fresh.proposals(i))
            assert np.array_equal(catalog.image(i), fresh.image(i))
        shutil.rmtree(out)


def test_archives_and_urls_give_the_same_images(tmp_path: Path, s3: Store) -> None:
    photographs = jpegs(20)
    write_folder(tmp_path / "folder", photographs)
    tar, archive = write_tar(tmp_path / "x.tar", photographs), write_zip(tmp_path / "x.zip", photographs)
    s3.put(photographs, "folder")
    s3.put({file.name: file.read_bytes() for file in (tar, archive)})
    sources = [tmp_path / "folder", tar, archive, *(f"{s3.url}/{name}" for name in ("folder", "x.tar", "x.zip"))]
    first = quick(sources[0], tmp_path / "out0")
    for number, source in enumerate(sources[1:], 1):
        catalog = quick(source, tmp_path / f"out{number}", jobs=1 + number % 2)
        assert np.array_equal(catalog.hashes, first.hashes)
        assert all(np.array_equal(catalog.image(i), first.image(i)) for i in range(0, 20, 5))
    assert not list(tmp_path.rglob("*.tmp"))
    compression = pq.read_table(tmp_path / "out2" / "catalog.parquet").column("compression").to_pylist()
    assert set(compression) == {"deflate"}


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


def test_a_finished_catalog_is_opened_at_once(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "s", jpegs(3))
    quick(source, tmp_path / "out")
    before = files(tmp_path / "out")
    for name in jpegs(3):
        (source / name).unlink()  # it is not even looked at
    assert len(quick(source, tmp_path / "out", jobs=2, max_rejected=0.3)) == 3
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


def test_a_cache_that_cannot_be_written_is_named_with_what_moves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file stands where the folder should be: like a read-only home, also for root."""
    (tmp_path / "home").write_text("")
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "home"))
    source = write_folder(tmp_path / "s", jpegs(2))
    with pytest.raises(InputError, match="cannot create") as caught:
        open_or_prepare(source, propose=False)
    assert len(caught.value.lines()) == 3
    assert str(tmp_path / "home") in caught.value.where
    assert "CODO_CACHE" in caught.value.fix
    with pytest.raises(InputError, match="cannot create") as caught:
        prepare(source, tmp_path / "home" / "catalog")
    assert "CODO_CACHE" not in caught.value.fix  # that folder was named by the user
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "other"))
    assert len(open_or_prepare(source, propose=False, jobs=1)) == 2


@pytest.mark.photographs
def test_real_photographs(test_data: Path, tmp_path: Path) -> None:
    source = test_data / "downstream" / "coco_masks"
    catalog = quick(source / "annotations" / "instances_val.json", tmp_path / "out", pack=128)
    assert len(catalog) == len(list((source / "val").iterdir()))
    assert catalog.counts["rejected"] == 0
    assert min(catalog.image(0).shape[:2]) == 128


def test_tables_are_prepared_alike_by_any_number_of_processes(messy: Path, tmp_path: Path) -> None:
    """Rows with the same files as a folder give the same images; compressed pages too, and packed ones."""
    names = sorted(path.relative_to(messy).as_posix() for path in messy.rglob("*") if path.is_file())
    whole = {name: (messy / name).read_bytes() for name in names if name.endswith((".jpg", ".png"))}
    table = image_table([*whole.items(), (None, b"only words")])
    write_as_datasets(tmp_path / "plain" / "a.parquet", table, group=50)
    (tmp_path / "snappy").mkdir()
    pq.write_table(table, tmp_path / "snappy/a.parquet", row_group_size=50)
    folder = quick(messy, tmp_path / "folder")
    rows = {folder.key(i): i for i in range(len(folder))}
    for source in ("plain", "snappy"):
        for pack in (None, 40):
            out = tmp_path / f"{source}{pack}"
            catalog = quick(tmp_path / source, out, pack=pack)
            assert {catalog.key(i) for i in range(len(catalog))} == rows.keys() - {"0a1b2c"}
            assert rejected(out).keys() == rejected(tmp_path / "folder").keys() | {"a/0000168"}
            again = quick(tmp_path / source, tmp_path / "again" / out.name, pack=pack, jobs=3)
            assert files(out) == files(Path(again.path))
            if pack is None:
                for i in range(0, len(catalog), 7):
                    assert np.array_equal(catalog.image(i), folder.image(rows[catalog.key(i)]))
                assert catalog.location(0).is_compressed == (source == "snappy")
                assert catalog.warnings() == folder.warnings()  # the pages are small


def test_a_changed_table_is_noticed(tmp_path: Path) -> None:
    names = [f"{n}.jpg" for n in range(4)]
    for compression in ("none", "snappy"):
        path = tmp_path / f"{compression}.parquet"
        pq.write_table(image_table([(name, jpeg(n)) for n, name in enumerate(names)]), path, compression=compression)
        catalog = quick(path, tmp_path / compression)
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(CodoError, match=r"image '3.jpg' has vanished or changed") as caught:
            catalog.image(3)
        assert caught.value.where == str(path)
        path.unlink()
        with pytest.raises(CodoError, match="there is no such file"):
            open_catalog(tmp_path / compression).image(2)
