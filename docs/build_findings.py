"""The page docs/reference/findings.md: the first sentences of all findings. `build_reference` writes and checks it."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "findings"
HEAD = """# What surprised us in other software

Made from `findings/` by `make reference`; do not edit. Each is a script that installs the named versions into a
temporary folder, shows the behavior on valid input without CoDo, and fails once it has changed. Its first lines tell
the cause, how much it matters, and what to do. Where it could harm users of CoDo, CoDo avoids it or a page says so.

"""


def findings_page() -> str:
    """The page: a line a script."""
    return HEAD + "\n".join(line(path) for path in sorted(FOLDER.glob("*.sh"))) + "\n"


def line(path: Path) -> str:
    """An item of the list: the title of a script, linked to it."""
    comments = path.read_text(encoding="utf-8").splitlines()[1:]
    title = " ".join(text.removeprefix("# ") for text in takewhile(lambda text: text not in ("#", ""), comments))
    return f"- {title} [{path.stem}](../../findings/{path.name})"
