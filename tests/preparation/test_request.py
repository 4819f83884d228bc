"""What is asked for, checked before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.errors import InputError
from codo.preparation.request import Request, check_out
from tests.catalog.pictures import jpegs, write_folder
from tests.preparation.catalogs import files, quick


def test_paths_become_absolute_and_urls_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    request = Request.of(["photos", Path("more"), "s3://bucket/x.tar"], "out", {"select": "train.txt"})
    assert request.source == [str(tmp_path / "photos"), str(tmp_path / "more"), "s3://bucket/x.tar"]
    assert request.out == tmp_path / "out"
    assert request.settings.select == str(tmp_path / "train.txt")
    assert Request.of("photos", "out", {"select": "VOC2012/train"}).settings.select == "VOC2012/train"
    assert request.as_dict()["source"] == request.source
    assert request.as_dict()["proposals"]["mode"] == "fast"


@pytest.mark.parametrize("source", [[], "", ["photos", ""]])
def test_no_source_is_refused(source: list[str] | str) -> None:
    with pytest.raises(InputError, match="no source is given"):
        Request.of(source, "out", {})


def test_an_empty_or_begun_directory_is_free(tmp_path: Path) -> None:
    for name in ("none", "empty", "begun"):
        request = Request.of("photos", tmp_path / name, {})
        if name != "none":
            request.out.mkdir()
        if name == "begun":
            (request.out / ".work").mkdir()
        check_out(request)


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
