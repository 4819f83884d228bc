from __future__ import annotations

from pathlib import Path

import pytest

from codo.core.cache import default_cache


def test_the_default_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODO_CACHE", "/somewhere")
    assert default_cache() == Path("/somewhere")
    monkeypatch.delenv("CODO_CACHE")
    assert default_cache() == Path("~/.cache/codo").expanduser()
    monkeypatch.setenv("CODO_CACHE", "")
    assert default_cache() == Path("~/.cache/codo").expanduser()
