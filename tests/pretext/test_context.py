"""Doersch et al.'s sizes, and which settings matter."""

from __future__ import annotations

from codo.methods.registry import unused_settings
from codo.pretext.context import Context, ContextOptions


def test_the_publication_s_sizes() -> None:
    options = ContextOptions()
    assert (options.patch, options.cell - options.patch, options.jitter) == (96, 48, 7)  # gap: half a patch
    assert (options.colors, options.normalize, options.channel_jitter) == ("drop", False, 0)


def test_the_middle_comes_first() -> None:
    pairs = Context.arrangements(ContextOptions())
    assert (pairs[:, 0] == 4).all()
    assert pairs[:, 1].tolist() == [0, 1, 2, 3, 5, 6, 7, 8]


def test_embeddings_do_not_matter() -> None:
    assert unused_settings("context", {"model.embedding_dim": 8, "augment.flip": 0.5}) == ["model.embedding_dim"]
