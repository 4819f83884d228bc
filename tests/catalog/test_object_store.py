"""Catalogs of images in an object store: what it is asked for, and what faults between it and us do to pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import codo
from codo.catalog.catalog import Catalog
from codo.catalog.reading import BadSpan, Location, Reader, Unreachable
from codo.core.errors import CodoError
from codo.sources.source import list_sources
from tests.catalog.pictures import jpeg, jpegs
from tests.object_store import Fault, Store, impatient
from tests.sources.listings import write_tar

PICTURES = jpegs(12, width=120, height=100)
MEMBER = 20_000


@pytest.fixture
def catalog(s3: Store, tmp_path: Path) -> Catalog:
    """Of three pictures in a tar."""
    few = {name: PICTURES[name] for name in sorted(PICTURES)[:3]}
    place = s3.put({"x.tar": write_tar(tmp_path / "x.tar", few).read_bytes()})
    codo.prepare(f"{place}/x.tar", tmp_path / "catalog", jobs=1, propose=False)
    s3.forget()
    return codo.open_catalog(tmp_path / "catalog")


def test_a_member_of_a_tar_is_one_request_for_no_more_than_its_bytes(s3: Store, tmp_path: Path) -> None:
    members = {f"{i:03d}.jpg": os.urandom(MEMBER) for i in range(60)}
    place = s3.put({"x.tar": write_tar(tmp_path / "x.tar", members).read_bytes()})
    listed = list_sources([f"{place}/x.tar"]).members
    s3.forget()
    for member in listed:
        assert Reader().read(member.location) == members[member.key]
        (request,) = s3.requests
        first, last = request.span or (0, 0)
        assert last - first + 1 == request.sent == MEMBER
        s3.forget()


def test_a_file_of_its_own_is_one_request(s3: Store) -> None:
    s3.put({"a.jpg": b"0123456789"})
    reader = Reader(s3.url)
    s3.forget()
    assert reader.read(Location("a.jpg", 0, 10)) == b"0123456789"
    assert [(one.method, one.sent) for one in s3.requests] == [("GET", 10)]


def test_what_has_another_length_or_is_gone(s3: Store) -> None:
    s3.put({"a": b"0123456789", "empty": b""})
    reader = Reader(s3.url)
    assert reader.read(Location("empty", 0, 0)) == b""
    with pytest.raises(BadSpan, match="longer than the 9 bytes"):
        reader.read(Location("a", 0, 9))
    with pytest.raises(BadSpan, match="shorter than the 12 bytes"):
        reader.read(Location("a", 0, 12))
    with pytest.raises(BadSpan, match="shorter"):
        reader.read(Location("a", 100, 12))
    with pytest.raises(FileNotFoundError):
        reader.read(Location("b", 0, 9))


def test_an_archive_is_listed_and_read_from_begin_to_end(s3: Store, tmp_path: Path) -> None:
    """Preparing it: once for the names, and once more for the images, each byte once and in their order."""
    place = s3.put({"x.tar": write_tar(tmp_path / "x.tar", PICTURES).read_bytes()})
    s3.forget()
    codo.prepare(f"{place}/x.tar", tmp_path / "out", jobs=1, propose=False)
    listing, *images = [one.span or (0, 0) for one in s3.gets("x.tar")]
    assert listing[0] == 0
    assert sorted(images) == [(place.offset, place.offset + place.size - 1) for place in locations(tmp_path / "out")]
    heads = [one for one in s3.requests if one.method == "HEAD"]
    assert len(heads) <= 3
    assert len(s3.requests) <= len(PICTURES) + 5


def locations(folder: Path) -> list[Location]:
    opened = codo.open_catalog(folder)
    return [opened.location(i) for i in range(len(opened))]


@pytest.mark.parametrize("kind", ["slow down", "reset", "cut"])
def test_what_passes_is_read_again(kind: str, catalog: Catalog, s3: Store) -> None:
    right = catalog.image(1)
    s3.forget()
    s3.faults.append(Fault(kind, times=2))  # type: ignore[arg-type]  # of the parameters above
    assert np.array_equal(catalog.image(1), right)
    assert len(s3.gets("x.tar")) == 3


def test_an_answer_that_never_comes_is_asked_for_again(
    catalog: Catalog, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = catalog.image(1)
    impatient(monkeypatch)
    s3.faults.append(Fault("hang"))
    assert np.array_equal(catalog.image(1), right)


@pytest.mark.parametrize("kind", ["slow down", "reset", "hang"])
def test_what_does_not_pass_is_told_after_a_bound(
    kind: str, catalog: Catalog, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    impatient(monkeypatch)
    s3.faults.append(Fault(kind, times=1000))  # type: ignore[arg-type]  # of the parameters above
    with pytest.raises(CodoError, match=r"image '001\.jpg' cannot be read: ") as caught:
        catalog.image(1)
    assert caught.value.where == f"{s3.url}/x.tar"
    assert "once it can be reached" in caught.value.fix
    assert isinstance(caught.value.__cause__, Unreachable)
    assert len(s3.gets("x.tar")) <= 4


def test_a_server_that_never_answers_is_not_awaited_for_long(
    catalog: Catalog, s3: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By clients with their own patience, which is half an hour."""
    monkeypatch.setattr("codo.core.remote.PATIENCE", 0.5)
    s3.faults.append(Fault("hang", times=1000))
    with pytest.raises(CodoError, match=r"cannot be read: no answer within \d seconds"):
        catalog.image(0)


def test_another_object_in_its_place_is_never_shown(catalog: Catalog, s3: Store) -> None:
    """Of the same length, with a good picture at the same place: only its content tells."""
    data = bytearray(s3.fs.cat_file(f"{s3.url}/x.tar"))
    offset, size = catalog.location(1).offset, catalog.location(1).size
    other = jpeg(77, 120, 100)
    other += b"\0" * (size - len(other))
    data[offset : offset + size] = other[:size]
    s3.faults.append(Fault("before", action=lambda: s3.put({"x.tar": bytes(data)})))
    with pytest.raises(CodoError, match=r"'001\.jpg' has vanished or changed .*: another file of the same length"):
        catalog.image(1)
    assert catalog.image(0).shape == (100, 120, 3)
    s3.fs.rm(f"{s3.url}/x.tar")
    with pytest.raises(CodoError, match="there is no such file"):
        catalog.image(0)
