"""Which catalogs of the cache a command would still find, by changing their folders in every way, and clearing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codo.cli import main
from codo.core.io import FileLock
from codo.preparation.cache import clear, entries, report
from codo.preparation.prepare import open_or_prepare, prepare_shard
from tests.catalog.pictures import jpegs, write_folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Catalogs of four folders: left alone, changed, gone, and prepared without proposals."""
    monkeypatch.setenv("CODO_CACHE", str(tmp_path / "cache"))
    for name in ("kept", "changed", "gone"):
        open_or_prepare(write_folder(tmp_path / name, jpegs(2)), propose=False, jobs=1)
    (tmp_path / "changed" / "000.jpg").unlink()
    shutil.rmtree(tmp_path / "gone")
    return tmp_path / "cache"


def states(cache: Path) -> dict[str, str]:
    return {Path(entry.source).name: f"{entry.state} {entry.note}".strip() for entry in entries(cache)}


def test_catalogs_of_changed_folders_are_stale(cache: Path) -> None:
    assert states(cache) == {
        "kept": "current",
        "changed": "stale it has changed since, or was prepared by another version",
        "gone": "stale no such file or folder",
    }
    changed = next(entry for entry in entries(cache) if entry.state == "stale")
    assert changed.size == sum(path.stat().st_size for path in changed.path.rglob("*") if path.is_file())


def test_a_stale_one_is_what_no_command_finds(cache: Path, tmp_path: Path) -> None:
    before = {entry.path for entry in entries(cache)}
    kept = open_or_prepare(tmp_path / "kept", propose=False, jobs=1)
    assert Path(kept.path) in before
    changed = open_or_prepare(tmp_path / "changed", propose=False, jobs=1)
    assert Path(changed.path) not in before
    assert sorted(entry.state for entry in entries(cache)) == ["current", "current", "stale", "stale"]


def test_an_interrupted_preparation_goes_on_unless_its_folder_has_changed(cache: Path, tmp_path: Path) -> None:
    paths = {name: write_folder(tmp_path / name, jpegs(20)) for name in ("half", "half_changed")}
    for source in paths.values():
        made = open_or_prepare(source, propose=False, jobs=1).path
        shutil.rmtree(made)
        assert prepare_shard(source, made, "1/2", propose=False, jobs=1) is None
    (paths["half_changed"] / "000.jpg").unlink()
    found = states(cache)
    assert found["half"] == "current its preparation was interrupted; the next command that uses it continues"
    assert found["half_changed"].startswith("stale it has changed since")
    assert "half" not in {Path(entry.source).name for entry in clear("stale", cache)}
    assert len(open_or_prepare(paths["half"], propose=False, jobs=1)) == 20
    assert states(cache)["half"] == "current"


def test_clearing_stale_ones_keeps_the_others(cache: Path) -> None:
    removed = clear("stale", cache)
    assert sorted(Path(entry.source).name for entry in removed) == ["changed", "gone"]
    assert not any(entry.path.exists() for entry in removed)
    assert states(cache) == {"kept": "current"}


def test_clearing_all_leaves_what_is_being_prepared(cache: Path) -> None:
    (cache / "kernels").mkdir()
    (cache / "kernels" / "one.nbi").write_bytes(bytes(1000))
    busy = cache / "catalogs" / "busy-1"
    (busy / ".work").mkdir(parents=True)
    torn = cache / "catalogs" / "torn-2"
    torn.mkdir()
    (torn / "catalog.parquet").write_bytes(b"no parquet")
    lock = _Held(busy / ".work" / "1-of-1.lock")
    try:
        assert next(entry for entry in entries(cache) if entry.path == busy).state == "busy"
        assert next(entry for entry in entries(cache) if entry.path == torn).note == "it cannot be read"
        assert "compiled kernels" in [entry.source for entry in clear("all", cache)]
        assert [entry.path for entry in entries(cache)] == [busy]
    finally:
        lock.release()
    assert [entry.state for entry in entries(cache)] == ["stale"]  # nobody works on it, and it cannot be read


class _Held:
    """A lock held by another process."""

    def __init__(self, path: Path) -> None:
        import multiprocessing

        context = multiprocessing.get_context("fork")
        self.release_now, ready = context.Event(), context.Event()

        def hold() -> None:
            lock = FileLock(path)
            lock.acquire()
            ready.set()
            self.release_now.wait(60)

        self.process = context.Process(target=hold, daemon=True)
        self.process.start()
        ready.wait(60)

    def release(self) -> None:
        self.release_now.set()
        self.process.join(60)


def test_the_command(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{cache} (CODO_CACHE moves it): 3 entries, 0.0 MB")
    assert len(lines) == 5
    assert lines[-1].endswith("are stale: codo cache --clear stale removes them")
    assert main(["cache", "--clear"]) == 0
    assert "removed 2 entries" in capsys.readouterr().out
    assert main(["cache", "--clear", "all"]) == 0
    assert "removed 1 entry" in capsys.readouterr().out
    assert report() == f"{cache} (CODO_CACHE moves it): 0 entries, 0.0 MB"


def test_another_word_after_clear_is_refused(cache: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["cache", "--clear", "everything"])
    assert caught.value.code == 2
    assert len(entries(cache)) == 3
