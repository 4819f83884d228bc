"""Pages in headless Chromium: what its document is after scripts have run, and in a browser that stays open."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell")
MISSING = f"there is no Chromium on the path ({', '.join(NAMES)})"


def chromium() -> str | None:
    """The program, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def document(url: str, *, dark: bool = False, width: int = 1280, height: int = 900, seconds: float = 10) -> str:
    """The HTML of a page after its scripts have run.

    Args:
        url: ``file://`` or ``http://``.
        dark: Whether the reader prefers dark pages.
        width: Of the window, in pixels.
        height: The same.
        seconds: How long the page's clock runs; timers fire at once, so this takes less.
    """
    with tempfile.TemporaryDirectory() as profile:
        budget = f"--virtual-time-budget={round(1000 * seconds)}"
        command = [*_command(profile, dark, width, height), budget, "--dump-dom", url]
        done = subprocess.run(command, capture_output=True, timeout=180, check=True)
    return done.stdout.decode("utf-8", errors="replace")


def screenshot(url: str, out: Path, *, dark: bool = False, width: int = 1280, height: int = 900) -> Path:
    """A picture of a page, PNG."""
    with tempfile.TemporaryDirectory() as profile:
        command = [*_command(profile, dark, width, height), "--hide-scrollbars", f"--screenshot={out}", url]
        subprocess.run(command, capture_output=True, timeout=180, check=True)
    return out


@contextmanager
def opened(url: str, *, width: int = 1280, height: int = 900) -> Iterator[subprocess.Popen[bytes]]:
    """A browser that shows a page, in real time, until the context ends."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [*_command(profile, False, width, height), "--remote-debugging-port=0", url]
        browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield browser
        finally:
            browser.terminate()
            browser.wait(30)


def _command(profile: str, dark: bool, width: int, height: int) -> list[str]:
    found = chromium()
    if found is None:
        raise FileNotFoundError(MISSING)
    return [
        found,
        "--headless",
        "--no-sandbox",  # containers run as root
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        f"--user-data-dir={profile}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        f"--window-size={width},{height}",
    ]
