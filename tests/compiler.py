"""Tests that compile with Inductor need a C++ compiler, which the project itself does not."""

from __future__ import annotations

import os
import shutil
import sys

import pytest

needs_compiler = pytest.mark.skipif(
    shutil.which(os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")) is None,
    reason="there is no C++ compiler",
)
