"""The code that a target's page shows, run as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codo.exporters.target import Target
from codo.exporters.trunk import TrunkWeights


def run_usage(
    trunk: TrunkWeights, target: Target, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, dict[str, Any]]:
    """Write the file of a trunk to a folder and run the code there; returns it, and the names that it defines."""
    monkeypatch.chdir(folder)
    target.write(trunk, Path(target.filename))
    code = target.usage(trunk, target.filename)
    scope: dict[str, Any] = {}
    exec(code, scope)
    return code, scope
