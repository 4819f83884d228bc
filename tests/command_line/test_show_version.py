"""The version, and its commit where that is known."""

from __future__ import annotations

import argparse

import pytest

from codo.command_line import show_version


@pytest.mark.parametrize(("commit", "expected"), [("0123456789ab", "codo 1.2 (0123456789ab)\n"), ("", "codo 1.2\n")])
def test_version_and_commit(
    commit: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(show_version, "commit", lambda: commit)
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action=show_version.ShowVersion, version="codo 1.2")
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == expected
