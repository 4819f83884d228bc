"""The conclusion of a catalog."""

from __future__ import annotations

import pytest

from codo.advice.prepared import catalog_answer


@pytest.mark.parametrize(
    ("images", "rejected", "stages", "tone", "kinds"),
    [
        (100, 0, {"filtered": 100}, "good", ["nothing"]),
        (100, 5, {"filtered": 100}, "good", ["nothing"]),  # 5 of 105 is below a twentieth
        (100, 6, {"filtered": 100}, "watch", ["images"]),
        (100, 0, {"filtered": 74, "whole": 26}, "watch", ["images"]),
        (0, 3, {}, "bad", ["images"]),
    ],
)
def test_rules(images: int, rejected: int, stages: dict[str, int], tone: str, kinds: list[str]) -> None:
    found = catalog_answer(images, rejected, stages, proposals=True, path="catalogs/mine")
    assert found.tone == tone
    assert [one.kind for one in found.next] == kinds


def test_what_it_can_be_used_for() -> None:
    with_proposals = catalog_answer(10, 0, {}, proposals=True, path="c")
    without = catalog_answer(10, 0, {}, proposals=False, path="c")
    assert "foregrounds=c" in with_proposals.next[0].what
    assert "backgrounds=[c]" in without.next[0].what
