"""What blocks know of themselves; how each is shown is tested with the page."""

from __future__ import annotations

from codo.reporting.html.blocks import Section


def test_anchors() -> None:
    assert Section("Training views", []).anchor == "training-views"
    assert Section("…", []).anchor == "section"
