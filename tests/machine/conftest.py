"""A machine to read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machine.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without groups."""
    return Machine(tmp_path)
