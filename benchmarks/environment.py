"""Where and when a benchmark ran: numbers without that mean nothing."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from codo.machine.cpu import usable_cores

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "numba",
    "opencv-python-headless",
    "simplejpeg",
    "pillow",
    "pyarrow",
    "hotcoco",
    "pycocotools",
)


def environment() -> dict[str, Any]:
    """Everything that a reader needs in order to compare."""
    return {
        "processor": processor(),
        "cores": usable_cores(),
        "memory_gb": round(memory_gb(), 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": commit(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "load": load(),
    }


def processor() -> str:
    """Name of the processor, its family where clouds hide the model, and its widest vector instructions."""
    try:
        lines = [line.partition(":")[::2] for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return platform.processor() or platform.machine()
    about = {key.strip(): value.strip() for key, value in reversed(lines)}
    vectors = next((name for name in ("avx512f", "avx2", "avx", "asimd") if name in about.get("flags", "").split()), "")
    name = about.get("model name", platform.machine())
    return f"{name} (family {about.get('cpu family', '?')}, model {about.get('model', '?')}, {vectors or 'no AVX'})"


def memory_gb() -> float:
    """Memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def load() -> float | None:
    """Processes that wanted to run during the last minute, on average; above the cores it disturbs."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def commit() -> str:
    """The commit of the source, with a mark when something differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(Path(__file__).parent), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
