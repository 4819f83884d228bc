"""Look at every page of a built site: ``python docs/screenshots.py docs/_build/html OUT``. Needs Chromium, no network.

Writes ``OUT/PAGE.WIDTH.SCHEME.png`` for two widths, light and dark, and prints what a browser finds wrong: pages wider
than the window, what is cut off, errors in the console, requests to other machines. Then it searches from ``file://``.
The exit code is 1 if anything is wrong.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
TALLEST = 6000
"""Pixels of a page that are drawn; what is below is measured, but not in the picture."""
SEARCHED = "jitter"
CUT_OFF = """
[...document.querySelectorAll('article *')].filter(element => {
  if (element.getBoundingClientRect().right <= innerWidth + 1) return false
  for (let box = element.parentElement; box.tagName !== 'ARTICLE'; box = box.parentElement)
    if (['auto', 'scroll'].includes(getComputedStyle(box).overflowX)) return false
  return true
}).map(element => `${element.tagName.toLowerCase()} ${element.textContent.trim().slice(0, 30)}`).slice(0, 3).join('; ')
"""
"""Elements beyond the right edge, but for those in a box of their own that scrolls, such as tables and code."""


class Browser:
    """A headless Chromium with one page.

    It speaks the Chrome DevTools Protocol through a pipe: JSON messages that end with a zero byte.
    """

    def __init__(self, program: str, profile: str) -> None:
        (theirs, self._out), (self._in, answers) = os.pipe(), os.pipe()
        options = [
            "--headless",
            "--no-sandbox",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "--hide-scrollbars",
        ]
        shell = ["sh", "-c", f'exec "$@" 3<&{theirs} 4>&{answers}', "sh", program, *options]
        self.process = subprocess.Popen(shell, pass_fds=(theirs, answers), stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(answers)
        self._sent, self._rest, self._session = 0, b"", ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its result; events that come in between are kept."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params}
        os.write(
            self._out, json.dumps(message | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            answer = self._read()
            if answer.get("id") == self._sent:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            received = os.read(self._in, 1 << 20)
            if not received:
                raise RuntimeError("the browser has ended")
            self._rest += received
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression on the page."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def look(self, width: int, scheme: str) -> None:
        """The width of the window, in CSS pixels, and the color scheme that the system prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        """Load a page and wait until it is complete."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def complaints(self) -> Iterator[str]:
        """Errors of the console, and requests that left this machine, since the page was opened."""
        for event in self.events:
            method, params = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                yield f"script: {params['exceptionDetails'].get('text', '')}"
            elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
                yield f"console: {params['entry']['text']} {params['entry'].get('url', '')}"
            elif method == "Network.requestWillBeSent" and not params["request"]["url"].startswith(("file:", "data:")):
                yield f"request to {params['request']['url']}"

    def picture(self, path: Path, width: int) -> None:
        """The page from its top, at most `TALLEST` pixels of it."""
        height = min(int(self.evaluate("document.documentElement.scrollHeight")), TALLEST)
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(taken["data"]))


def page_problems(browser: Browser, site: Path, out: Path, pages: list[Path]) -> Iterator[str]:
    """A picture of each page in each way, and a line for whatever is wrong."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            browser.look(width, scheme)
            for page in pages:
                name = str(page.relative_to(site).with_suffix(""))
                browser.open(page.as_uri())
                browser.picture(out / f"{name.replace('/', '.')}.{width}.{scheme}.png", width)
                found = list(browser.complaints())
                wide = int(browser.evaluate("document.documentElement.scrollWidth - window.innerWidth"))
                found += [f"{wide} pixels wider than the window"] if wide > 0 else []
                cut_off = browser.evaluate(CUT_OFF)
                found += [f"cut off at the right: {cut_off}"] if cut_off else []
                yield from (f"{name}, {width} pixels, {scheme}: {line}" for line in found)


def search_problems(browser: Browser, site: Path) -> Iterator[str]:
    """The search without a server: it must find pages, and each result must be a page of the site."""
    browser.open(f"{(site / 'search.html').as_uri()}?q={SEARCHED}")
    links = "[...document.querySelectorAll('#search-results li a')].map(a => a.href)"
    found: list[str] = []
    for _ in range(50):
        time.sleep(0.1)
        before, found = found, browser.evaluate(links)
        if found and found == before:
            break
    print(f"search for '{SEARCHED}' from {site.as_uri()}: {len(found)} results")
    if not found:
        yield f"search: nothing found for '{SEARCHED}'"
    yield from (f"search: {line}" for line in browser.complaints())


def main() -> int:
    """Take the pictures and print what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="**/*.html", help="pages, as a pattern below the site")
    parser.add_argument("--browser", default=shutil.which("chromium") or shutil.which("google-chrome"))
    given = parser.parse_args()
    site = given.site.resolve()
    pages = [page for page in sorted(site.glob(given.only)) if "_static" not in page.parts]
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(given.browser, profile)
        try:
            found = [*page_problems(browser, site, given.out, pages), *search_problems(browser, site)]
        finally:
            browser.process.kill()
            browser.process.wait()
    for line in found:
        print(line, file=sys.stderr)
    print(
        f"{len(pages)} pages, {len(pages) * len(WIDTHS) * len(SCHEMES)} pictures in {given.out}, {len(found)} problems"
    )
    return 1 if found or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
