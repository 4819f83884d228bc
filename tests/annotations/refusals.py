"""What the command line answers to wrong files: three lines, and nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Spoil = Callable[[str], Path]
"""``spoil("voc")``: a copy of the data set in that layout, to be spoiled."""

Refuses = Callable[..., None]
"""``refuses(data, what, where, *more)``: `codo finetune` refuses the data, with ``more`` on its command line."""


def check_lines(lines: list[str], what: str, where: str) -> None:
    """Three lines: what, where, fix."""
    assert len(lines) == 3, lines
    assert what in lines[0]
    assert lines[1].startswith("  where: ")
    assert where in lines[1]
    assert lines[2].startswith("  fix:   ")
    assert len(lines[2]) > len("  fix:   ") + 5


def state(folder: Path) -> dict[str, float]:
    """Every file below a folder, with the time of its last change."""
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*"))}


def each(rows: list[dict[str, Any]], **values: Any) -> None:
    for row in rows:
        row.update(values)


def replace_in(*files: Path, old: str, new: str) -> None:
    """Replace the first occurrence in each file."""
    for file in files:
        text = file.read_text()
        assert old in text, (file, text)
        file.write_text(text.replace(old, new, 1))
