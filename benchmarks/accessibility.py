"""Accessibility of pages: axe-core in headless Chromium, in light and dark and at two widths.

    python -m benchmarks.accessibility PAGE.html …

axe-core comes from npm into a temporary folder. It checks the rules of WCAG 2.2 (levels A and AA) and its own good
practices: contrast, names of controls and pictures, order of headings, landmarks, headers of tables, what the keyboard
reaches. The pages are copied without their content security policy, which forbids foreign scripts. Exit code 1 if there
are violations.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

from benchmarks.browser import document

AXE = "axe-core@4.14.1"
WIDTHS = (1280, 390)
_RUN = """
window.addEventListener("load", async () => {
  for (const details of document.querySelectorAll("details")) details.open = true; // folded content counts too
  const found = await axe.run(document, { resultTypes: ["violations"] });
  const out = document.createElement("pre");
  out.id = "axe-found";
  out.textContent = JSON.stringify({ violations: found.violations, passes: found.passes.length });
  document.body.append(out);
});
"""


@dataclass(frozen=True)
class Violation:
    """A rule that a page breaks: its name, what it asks for, and the places."""

    rule: str
    help: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rule}: {self.help}\n" + "\n".join(f"    {place}" for place in self.places)


def axe_source(folder: Path) -> str:
    """The script of axe-core, downloaded with npm.

    Raises:
        OSError, subprocess.SubprocessError: There is no npm, or it cannot download.
    """
    command = ["npm", "pack", AXE, "--silent", "--fetch-retries=0", "--fetch-timeout=20000"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    (archive,) = folder.glob("axe-core-*.tgz")
    with tarfile.open(archive) as members:
        script = members.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode("utf-8")


def violations(page: Path, axe: str, *, dark: bool = False, width: int = 1280) -> list[Violation]:
    """What axe-core finds wrong with a page.

    Args:
        page: The file.
        axe: See `axe_source`.
        dark: Whether the reader prefers dark pages.
        width: Of the window, in pixels.
    """
    html = re.sub(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>", "", page.read_text(encoding="utf-8"), count=1)
    head, end, tail = html.rpartition("</body>")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        copy.write_text(f"{head}<script>{axe}</script><script>{_RUN}</script>{end}{tail}", encoding="utf-8")
        shown = document(copy.as_uri(), dark=dark, width=width, seconds=60)
    found = re.search(r"<pre id=\"axe-found\">(.*?)</pre>", shown, re.DOTALL)
    if found is None:
        raise RuntimeError(f"axe-core did not finish on {page}")
    result = json.loads(unescape(found[1]))
    assert result["passes"] > 10, "axe-core has looked at nothing"
    return [Violation(one["id"], one["help"], tuple(map(_place, one["nodes"]))) for one in result["violations"]]


def _place(node: dict[str, Any]) -> str:
    reason = " ".join(str(node.get("failureSummary", "")).split())
    return f"{' '.join(map(str, node['target']))}: {node['html'][:160]} ({reason[:240]})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="+", type=Path, metavar="PAGE.html")
    pages = parser.parse_args().pages
    with tempfile.TemporaryDirectory() as folder:
        axe = axe_source(Path(folder))
    bad = 0
    for page in pages:
        for dark in (False, True):
            for width in WIDTHS:
                found = violations(page, axe, dark=dark, width=width)
                bad += len(found)
                print(f"{page}, {'dark' if dark else 'light'}, {width} px: {len(found)} violations", flush=True)
                print(*(f"  {one}" for one in found), sep="\n", end="\n" if found else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
