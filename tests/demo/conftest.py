"""One small data set, written once, that the tests of this room read."""

from __future__ import annotations

from pathlib import Path

import pytest

from codo.demo.synthetic.scenes import DemoData, write_demo


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> DemoData:
    out: Path = tmp_path_factory.mktemp("demo") / "data"
    return write_demo(out, size=96, objects=10, train=40, val=16, seed=3)
