"""Shared fixtures. Real photographs are used only where CODO_TEST_DATA names their folder (see tests/README.md)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# One thread per test process: the suite runs in parallel on few cores, and one thread makes CPU results exact.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real photographs, or a skip when there is none on this machine."""
    folder = os.environ.get("CODO_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CODO_TEST_DATA does not name a folder of photographs")
    return Path(folder)
