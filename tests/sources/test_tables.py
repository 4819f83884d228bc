"""Parquet and Arrow tables with images in them, read in place."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from codo.core.errors import InputError
from codo.sources.source import list_sources
from tests.catalog.pictures import jpeg, jpegs, write_folder
from tests.sources.listings import keys, listed, read, write_tar
from tests.sources.table_files import image_table, save_to_disk, write_as_datasets


def shards(folder: Path, count: int = 3) -> list[bytes]:
    """A repository of `datasets`: a few Parquet files below ``data/``, and a page."""
    for shard in range(count):
        files = [(f"{10 * shard + n:04d}.jpg", jpeg(10 * shard + n)) for n in range(10)]
        write_as_datasets(folder / f"data/train-{shard:05d}-of-{count:05d}.parquet", image_table(files), group=4)
    (folder / "README.md").write_text("a page")
    return [jpeg(n) for n in range(10 * count)]


def test_shards_of_datasets(tmp_path: Path) -> None:
    expected = shards(tmp_path)
    for source in (tmp_path, tmp_path / "data", tmp_path / "data/train-*-of-00003.parquet"):
        listing = listed(source)
        assert keys(listing) == [f"{n:04d}.jpg" for n in range(30)]
        assert list(read(listing).values()) == expected
        assert not any(member.location.is_compressed for member in listing.members)


def test_compressed_pages_are_read_too(tmp_path: Path) -> None:
    table = image_table([(f"{n}.jpg", jpeg(n)) for n in range(10)])
    pq.write_table(table, tmp_path / "old.parquet", compression="snappy", row_group_size=6)
    listing = listed(tmp_path / "old.parquet")
    assert all(member.location.is_compressed for member in listing.members)
    assert list(read(listing).values()) == [jpeg(n) for n in range(10)]
    assert [member.location.file for member in listing.members] == [str(tmp_path / "old.parquet")] * 10


def test_by_url(tmp_path: Path) -> None:
    expected = shards(tmp_path)
    memory = fsspec.filesystem("memory")
    memory.put(str(tmp_path), "/tables", recursive=True)
    for source in ("memory://tables", "memory://tables/data/*.parquet"):
        assert list(read(listed(source)).values()) == expected
    with memory.open("/tables/old.parquet", "wb") as file:
        pq.write_table(image_table([("a.jpg", jpeg(1)), ("b.jpg", jpeg(2))]), file)
    assert read(listed("memory://tables/old.parquet")) == {"a.jpg": jpeg(1), "b.jpg": jpeg(2)}
    memory.rm("/tables", recursive=True)


def test_save_to_disk(tmp_path: Path) -> None:
    folder = save_to_disk(tmp_path / "saved", image_table([(f"{n}.jpg", jpeg(n)) for n in range(25)]))
    listing = listed(folder)
    assert list(read(listing).values()) == [jpeg(n) for n in range(25)]
    assert {member.location.uri for member in listing.members} == {str(folder / "data-00000-of-00001.arrow")}


def test_the_row_after_an_empty_one_is_kept(tmp_path: Path) -> None:
    files = [("a.jpg", jpeg(0)), ("b.jpg", b""), ("c.jpg", jpeg(1)), ("d.jpg", jpeg(2))]
    stream = listed(save_to_disk(tmp_path / "saved", image_table(files)))
    parquet = listed(write_as_datasets(tmp_path / "train.parquet", image_table(files)))
    for listing in (stream, parquet):
        assert listing.repeated == 0
        assert read(listing) == dict(files)


def test_a_remote_arrow_file_says_what_to_do() -> None:
    with fsspec.filesystem("memory").open("/a.arrow", "wb") as file:
        file.write(b"x")
    with pytest.raises(InputError, match="local disk only"):
        listed("memory://a.arrow")


def test_names_of_rows(tmp_path: Path) -> None:
    """Paths of another machine give their last part; rows without a name their number."""
    files = [
        (None, jpeg(1)),
        ("/home/me/x/b.jpg", jpeg(2)),
        ("sub/c.jpg", jpeg(3)),
        ("", jpeg(4)),
        ("c:\\d.png", jpeg(5)),
    ]
    listing = listed(write_as_datasets(tmp_path / "a.parquet", image_table(files)))
    assert keys(listing) == ["a/0000000", "b.jpg", "sub/c.jpg", "a/0000003", "c:/d.png"]


def test_rows_with_a_path_alone(tmp_path: Path) -> None:
    """`to_parquet` of an image folder writes paths and no bytes."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.jpg").write_bytes(jpeg(1))
    files = [
        (str(tmp_path / "images/a.jpg"), None),
        ("images/a.jpg", None),
        (None, None),
        None,
        ("https://x.y/z.jpg", None),
    ]
    listing = listed(write_as_datasets(tmp_path / "a.parquet", image_table([*files, ("b.jpg", jpeg(2))])))
    assert read(listing) == {"a.jpg": jpeg(1), "b.jpg": jpeg(2)}
    assert listing.repeated == 1
    problems = {member.key: member.problem for member in listing.members if member.problem}
    assert problems["a/0000002"] == problems["a/0000003"] == "missing: the row has neither bytes nor a path"
    assert "has a URL and no bytes" in problems["z.jpg"]


def test_a_column_of_bytes(tmp_path: Path) -> None:
    table = pa.table({"name": ["a"] * 5, "jpg": [jpeg(n) for n in range(5)]})
    pq.write_table(table, tmp_path / "plain.parquet")
    listing = listed(tmp_path / "plain.parquet")
    assert keys(listing) == [f"plain/{n:07d}" for n in range(5)]
    assert list(read(listing).values()) == [jpeg(n) for n in range(5)]


def test_which_column(tmp_path: Path) -> None:
    table = image_table([("a.jpg", jpeg(1))])
    both = table.append_column("mask", table["image"]).append_column("url", [["https://x.y/a.jpg"]])
    path = write_as_datasets(tmp_path / "a.parquet", table)
    pq.write_table(both, path)
    with pytest.raises(InputError, match="2 columns may hold images: 'image' and 'mask'") as caught:
        listed(path)
    assert caught.value.fix == "choose one: codo prepare … image_column=image"
    assert len(list_sources([str(path)], image_column="mask").members) == 1
    with pytest.raises(InputError, match="no column 'imge'") as caught:
        list_sources([str(path)], image_column="imge")
    assert "image" in str(caught.value.fix)
    with pytest.raises(InputError, match="column 'url' holds no bytes of images"):
        list_sources([str(path)], image_column="url")
    pq.write_table(both.select(["label", "url"]), path)
    with pytest.raises(InputError, match=r"no column holds .* images; the table has label \(int64\), url \(string\)"):
        listed(path)


def test_a_list_of_images_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [[jpeg(1), jpeg(2)]]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"no column holds bytes of images; the table has a \(list"):
        listed(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_damaged_tables(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match="the images in this table cannot be found"):
        listed(tmp_path)


def test_tables_beside_images_and_archives_are_not_opened(tmp_path: Path) -> None:
    """Metadata of an image folder, and of img2dataset beside its shards."""
    for folder in ("images", "shards"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "metadata.parquet").write_bytes(b"not looked at")
    (tmp_path / "images/a.jpg").write_bytes(jpeg(1))
    write_tar(tmp_path / "shards/00000.tar", jpegs(3))
    assert keys(listed(tmp_path / "images")) == ["a.jpg"]
    assert len(listed(tmp_path / "shards").members) == 3


def test_a_catalog_is_no_table_of_images(tmp_path: Path) -> None:
    (tmp_path / "catalog.parquet").write_bytes(b"x")
    with pytest.raises(InputError, match=r"no images found \(1 .parquet\)"):
        listed(tmp_path)


def test_what_datasets_itself_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is installed, which ``dev`` does not ask for."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    write_folder(tmp_path / "images", jpegs(12))
    features = datasets.Features({"image": datasets.Image(decode=False)})
    expected = list(jpegs(12).values())
    rows = [{"image": {"bytes": data, "path": f"{n:03d}.jpg"}} for n, data in enumerate(expected)]
    made = datasets.Dataset.from_list(rows, features=features)
    for shard in range(2):
        made.shard(2, shard, contiguous=True).to_parquet(str(tmp_path / f"hub/train-0000{shard}-of-00002.parquet"))
    made.save_to_disk(str(tmp_path / "saved"), num_shards=2)
    for source in ("hub", "saved"):
        listing = listed(tmp_path / source)
        assert list(read(listing).values()) == expected
        assert keys(listing) == [f"{n:03d}.jpg" for n in range(12)]
        assert not any(member.location.is_compressed for member in listing.members)
    paths = [str(tmp_path / f"images/{n:03d}.jpg") for n in range(12)]
    by_path = datasets.Dataset.from_dict({"image": paths}, features=datasets.Features({"image": datasets.Image()}))
    by_path.to_parquet(str(tmp_path / "paths.parquet"))
    assert list(read(listed(tmp_path / "paths.parquet")).values()) == expected
