"""Fixtures for tests of the lowest package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.core.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without groups."""
    return Machine(tmp_path)
