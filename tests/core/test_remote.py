"""The folder at a URL: in a real S3 server, and on a disk, where a file must not be seen half-written."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from codo.core.errors import CodoError, InputError
from codo.core.remote import RemoteFolder
from tests.object_store import Fault, Store, impatient


@pytest.mark.parametrize("where", ["s3", "disk"])
def test_files_there_and_back(where: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"{request.getfixturevalue('s3').url}/runs/a" if where == "s3" else str(tmp_path / "mirror")
    remote = RemoteFolder(url)
    assert remote.sizes() == {}
    (tmp_path / "file").write_bytes(b"12345")
    remote.put(tmp_path / "file", "checkpoints/step-1.pt")
    remote.write("last", b"one")
    remote.write("last", b"two!")
    assert remote.sizes() == {"checkpoints/step-1.pt": 5, "last": 4}
    assert remote.read("last") == b"two!"
    remote.get("checkpoints/step-1.pt", 5, tmp_path / "new" / "step")
    assert (tmp_path / "new" / "step").read_bytes() == b"12345"
    remote.delete("last")
    remote.delete("last")
    assert remote.sizes() == {"checkpoints/step-1.pt": 5}


def test_names_that_lead_elsewhere_or_are_hidden_are_not_files_of_a_run(s3: Store) -> None:
    s3.put({"a": b"", ".a.host.1.tmp": b"", "b/.c": b"", "b/../../c": b""}, "run")
    assert RemoteFolder(f"{s3.url}/run").sizes() == {"a": 0}


def test_on_a_disk_a_file_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemoteFolder(str(tmp_path / "mirror"))
    remote.write("a", b"old")

    def dies(source: str, target: str, **_: object) -> None:
        Path(target).write_bytes(b"ne")
        raise ConnectionResetError

    monkeypatch.setattr(remote.fs, "put_file", dies)
    (tmp_path / "a").write_bytes(b"new")
    with pytest.raises(ConnectionResetError):
        remote.put(tmp_path / "a", "a")
    assert remote.read("a") == b"old"
    assert remote.sizes() == {"a": 3}


def test_no_bucket_or_no_access_is_bad_input_and_no_answer_is_not(s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="the mirror cannot be read") as caught:
        RemoteFolder("s3://no-such-bucket/run").sizes()
    assert "leave mirror= out" in caught.value.fix
    impatient(monkeypatch)
    s3.faults.append(Fault("hang", times=100))
    with pytest.raises(CodoError, match=r"the mirror cannot be reached: .*imeout") as caught_again:
        RemoteFolder(f"{s3.url}/run").sizes()
    assert not isinstance(caught_again.value, InputError)


@pytest.mark.parametrize("kind", ["slow down", "reset", "cut"])
def test_a_copy_that_breaks_off_is_taken_up_again(kind: str, s3: Store, tmp_path: Path) -> None:
    data = bytes(range(256)) * 4000
    s3.put({"a": data}, "run")
    s3.faults.append(Fault(kind, times=2))  # type: ignore[arg-type]  # of the parameters above
    RemoteFolder(f"{s3.url}/run").get("a", len(data), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == data


def test_a_file_of_another_size_than_listed_is_not_taken(s3: Store, tmp_path: Path) -> None:
    s3.put({"a": b"12345"}, "run")
    for size in (4, 6):
        with pytest.raises(CodoError, match="'a' changed while it was copied"):
            RemoteFolder(f"{s3.url}/run").get("a", size, tmp_path / "a")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_no_fault_of_the_store(s3: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put({"a": b"12345"}, "run")
    remote = RemoteFolder(f"{s3.url}/run")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("codo.core.remote.flush_to_disk", full)
    with pytest.raises(OSError, match="No space left"):
        remote.get("a", 5, tmp_path / "a")
