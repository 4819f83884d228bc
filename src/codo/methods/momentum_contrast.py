"""Momentum contrast (He et al., MoCo, 2020): the common part of CoDo, InsLoc and MoCo; encoder and views differ.

Shapes: ``b`` samples of this rank, ``B`` of all ranks, ``V`` views (1 query, V - 1 keys), ``L`` levels,
``D`` embedding, ``K`` queue, ``S`` side of the canvas.
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from codo.contrast import ema
from codo.contrast.bn_groups import gather, gather_with_gradient, groups_per_rank, rank, unshuffle
from codo.contrast.end_to_end import info_nce_end_to_end
from codo.contrast.in_batch import info_nce_in_batch
from codo.contrast.infonce import InfoNCE, info_nce, mean_of
from codo.contrast.queue import LevelQueue
from codo.core.errors import InputError
from codo.loading.step_dataset import ViewBatch
from codo.methods.base import WHOLE_IMAGES, Method, Setup, StepOutput, stage
from codo.models.anchoring import Anchor
from codo.models.forward_passes import Pass
from codo.models.frozen_maps import EncoderInput, FrozenMaps


class MomentumContrast(Method):
    """Base of methods that contrast queries with momentum keys, on one level or several.

    The negatives are a queue of past keys or, with ``contrast.negatives=batch``, the keys of the other samples of the
    batch (docs/method.md#in-batch-negatives). With ``contrast.keys=end_to_end`` there is no momentum encoder: the
    query encoder embeds the keys too, and both get gradients. A subclass defines encoder (`build_encoder`) and levels.

    Args:
        setup: Architecture, contrast settings, sizes and seed. Weights are initialized with torch's global generator.

    Attributes:
        levels: Names of the levels, the first axis of an embedding.
        loss_levels: Indices of the levels whose losses are added up; by default all.
        batch_negatives: Whether the method supports ``contrast.negatives=batch``: a `forward` of its own contrasts with
            the queue through `term`.
        queue: The past keys; missing with negatives of the batch.
        key: The momentum encoder; missing with end-to-end keys.
        start: The anchor to the initial weights (`codo.models.anchoring`), if there is one.

    Raises:
        InputError: The batch does not divide into the BN groups, the initial weights do not fit, or the method does not
            support the negatives.
    """

    levels: ClassVar[tuple[str, ...]]
    used_settings: ClassVar[tuple[str, ...]] = ("views", "contrast", "model.embedding_dim", *WHOLE_IMAGES)
    shuffles = True
    batch_negatives: ClassVar[bool] = True
    query: Any
    key: Any
    queue: LevelQueue
    start: Anchor | None

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.start = None
        contrast = setup.contrast
        self.contrast, self.steps, self.world = contrast, setup.steps, setup.world
        self.in_batch = contrast.negatives == "batch"
        if self.in_batch and not self.batch_negatives:
            what = f"{type(self).__name__} needs a queue: it contrasts several kinds of queries"
            raise InputError(
                what, where="contrast.negatives", fix="set contrast.negatives=queue contrast.keys=momentum"
            )
        self.loss_levels = list(range(len(self.levels)))
        self.groups = groups_per_rank(contrast.bn_groups, setup.batch_size, setup.world)
        self.query = self.build_encoder(setup)
        self.load_report = self.query.load_report
        self.end_to_end = contrast.keys == "end_to_end"
        if not self.end_to_end:
            self.key = ema.momentum_copy(self.query)
        if not self.in_batch:
            noise = torch.Generator().manual_seed(setup.seed)
            self.queue_length = contrast.queue
            self.queue = LevelQueue(len(self.levels), contrast.queue, setup.model.embedding_dim, noise)
        # Of the current step: queries of this rank (L, b, D), keys of all ranks (V - 1, L, B, D), number of the step.
        self._queries, self._keys, self._step = torch.empty(0), torch.empty(0), 0

    @abstractmethod
    def build_encoder(self, setup: Setup) -> nn.Module:
        """Build the encoder: pixels ``(b, 3, S, S)``, boxes ``(b, 4)``, BN groups -> ``(L, b, D)`` of length 1."""

    def forward(self, batch: ViewBatch) -> StepOutput:
        """Embed the views and contrast them level by level; the loss sums over levels and key views (section 3.2)."""
        if self.contrast.symmetric:
            batch = self.with_frozen_maps(batch)  # both encoders see every view
        with stage("query"), self.anchored_passes() as passes:
            queries = self.query(self.inputs(batch.query_images), batch.query_boxes, self.groups)  # Eq. 3, 5: (L, b, D)
        with stage("keys"):
            keys = self.embed_keys(batch)  # Eq. 4, 6: (V - 1, L, B, D)
        with stage("contrast"):  # Eq. 7
            terms = self.terms(queries, keys)
        if self.contrast.symmetric:
            terms = mean_of(terms, self.reverse_terms(batch))
        loss = terms.losses[self.loss_levels].sum()  # Eq. 8, summed over the levels
        self.cache_step(queries, keys, batch.step)
        stats = {f"{name}/{level}": row[i] for name, row in terms.stats.items() for i, level in enumerate(self.levels)}
        if self.start is not None and (trained := self.anchored_parts()):
            with stage("anchor"):
                anchor, distances = self.start.loss(trained, passes)
            loss, stats = loss + anchor, stats | distances
        return StepOutput(loss, {"loss": loss.detach(), **stats})

    def anchored_parts(self) -> dict[str, nn.Module]:
        """The parts that the anchor holds and that are not frozen in this step."""
        held = self.start or ()
        trained = {part: module for part, module in self.exports().items() if part not in self.frozen_parts}
        return {part: module for part, module in trained.items() if part in held}

    def anchored_passes(self) -> AbstractContextManager[list[Pass]]:
        """A context that collects the forward passes of `anchored_parts`."""
        return nullcontext([]) if self.start is None else self.start.watching(self.anchored_parts())

    def terms(self, queries: Tensor, keys: Tensor, samples: Tensor | None = None) -> InfoNCE:
        """InfoNCE of queries ``(L, b, D)`` with keys ``(V - 1, L, B, D)`` in the order of the samples.

        With end-to-end keys every view is also a query.

        Args:
            queries: Of this rank.
            keys: Of all ranks.
            samples: ``(b,)`` int64, the samples of the queries; ``None`` if they are in order.
        """
        # A mean is one over the levels whose losses are added up, not over all.
        how = self.contrast.temperature, self.contrast.reduction, self.contrast.debiased, len(self.loss_levels)
        if self.end_to_end:
            views = torch.cat([gather_with_gradient(queries[None]), keys])
            return info_nce_end_to_end(views, self.samples_of_this_rank(keys), *how)
        if not self.in_batch:
            return info_nce(queries, self.of_this_rank(keys), self.queue.keys, *how)
        if samples is None:
            samples = self.samples_of_this_rank(keys)
        return info_nce_in_batch(queries, keys, samples, *how)

    def samples_of_this_rank(self, keys: Tensor) -> Tensor:
        """``(b,)`` int64: the rows of ``keys`` ``(…, B, D)`` that belong to this rank's queries."""
        return torch.arange(keys.shape[-2], device=keys.device).tensor_split(self.world)[rank()]

    def reverse_terms(self, batch: ViewBatch) -> InfoNCE:
        """The other direction of a symmetric loss: key views are queries, query views are keys.

        A rank then has queries in shuffled order, and its keys are the next rows of the batch in the order of the
        samples: again a query and its key are normalized with different samples. Boxes stay with their view.
        """
        with stage("query"):
            queries = self.query(self.inputs(batch.key_images[0]), batch.key_boxes[0], self.groups)
        with stage("keys"), torch.no_grad():
            keys = gather(self.key(self.inputs(batch.query_images), batch.query_boxes, self.groups)[None])
        with stage("contrast"):
            return self.terms(queries, keys, batch.shuffle.tensor_split(self.world)[rank()])

    def with_frozen_maps(self, batch: ViewBatch) -> ViewBatch:
        """The batch with the maps of frozen parts instead of images; the batch itself if nothing is frozen."""
        if not self.frozen_parts:
            return batch
        with stage("frozen parts"):
            query: Any = self.frozen_maps(batch.query_images, self.query)
            keys: Any = [self.frozen_maps(images, self.query) for images in batch.key_images]
        return batch._replace(query_images=query, key_images=keys)

    def inputs(self, images: EncoderInput) -> EncoderInput:
        """What the encoders take for images of a batch, or for the maps that stand for them."""
        return images if isinstance(images, FrozenMaps) else self.pixels(images)

    def of_this_rank(self, keys: Tensor) -> Tensor:
        """The keys of this rank's samples: ``(V - 1, L, B, D)`` -> ``(V - 1, L, b, D)``."""
        return keys.tensor_split(self.world, dim=2)[rank()]

    def term(self, queries: Tensor, keys: Tensor, level: int) -> InfoNCE:
        """InfoNCE of queries ``(n, D)`` with keys ``(V - 1, n, D)`` and the negatives of one ``level``."""
        how = self.contrast.temperature, self.contrast.reduction, self.contrast.debiased
        return info_nce(queries[None], keys[:, None], self.queue.keys[level : level + 1], *how)

    def cache_step(self, queries: Tensor, keys: Tensor, step: int) -> None:
        """Store queries ``(L, b, D)``, keys ``(V - 1, L, B, D)`` and the step for `on_step_end` and `log_stats`."""
        self._queries, self._keys, self._step = queries.detach(), keys.detach(), step

    @torch.no_grad()
    def on_first_batch(self, batch: ViewBatch) -> None:
        """Give the queue's initial noise the mean and standard deviation of the first keys.

        An untrained network maps all boxes into one narrow cone. With noise from the whole sphere, positives would be
        trivial to find and the first steps would only learn to point away from the noise. With matched noise the loss
        starts at chance, ln(K + 1) per level, so the first value in the log shows whether everything works.
        """
        if self.in_batch:
            return
        keys = self.embed_keys(batch)[..., : self.queue.keys.shape[-1]]
        self.queue.match_statistics(keys.transpose(0, 1).flatten(1, 2))

    def embed_keys(self, batch: ViewBatch) -> Tensor:
        """Keys of all samples of all ranks, in the order of the samples: ``(V - 1, L, B, D)``.

        The batch contains the key views in shuffled order, so that a query and its keys are normalized with different
        samples. Only end-to-end keys have a gradient.
        """
        encoder = self.query if self.end_to_end else self.key
        views = zip(batch.key_images, batch.key_boxes, strict=True)
        with torch.set_grad_enabled(self.end_to_end and torch.is_grad_enabled()):
            keys = torch.stack([encoder(self.inputs(images), boxes, self.groups) for images, boxes in views])
            return unshuffle(gather_with_gradient(keys), batch.shuffle)

    @torch.no_grad()
    def on_step_end(self) -> None:
        """Update the key encoder (EMA) and enqueue the keys, after all losses of the step (docs/method.md#queue)."""
        if not self.end_to_end:
            ema.update(self.key, self.query, self.contrast.momentum_at(self._step, self.steps))
        if self.in_batch:
            return
        if self.contrast.enqueue_views == "all":
            self.queue.enqueue(self._keys.transpose(0, 1).flatten(1, 2))  # (L, (V - 1) * B, D)
        else:
            # One view per step, in turn: the negatives are then as old as in a run with two views.
            self.queue.enqueue(self._keys[self._step % len(self._keys)])

    @torch.no_grad()
    def log_stats(self) -> dict[str, Tensor]:
        """Signs of collapse and drift (docs/method.md#drift-collapse) for each level, from the last step's queries."""
        stats: dict[str, Tensor] = {}
        for i, level in enumerate(self.levels):
            queries = self._queries[i]  # (b, D)
            center = queries.mean(dim=0)
            stats[f"std/{level}"] = queries.std(dim=0, correction=0).mean()
            stats[f"mean_norm/{level}"] = center.norm()
            stats[f"rank/{level}"] = effective_rank(queries)
            if not self.in_batch:
                stats[f"drift/{level}"] = center @ self.queue.renewal(i)
        return stats

    def embed_boxes(self, images: Tensor, boxes: Tensor) -> Tensor:
        """The embeddings of all levels, concatenated: uint8 ``(n, S, S, 3)`` and ``(n, 4)`` -> ``(n, L * D)``."""
        embeddings: Tensor = self.query(self.pixels(images), boxes)
        return embeddings.transpose(0, 1).flatten(1)

    def compilable(self) -> list[nn.Module]:
        """The encoders."""
        return [self.query] if self.end_to_end else [self.query, self.key]


def effective_rank(embeddings: Tensor) -> Tensor:
    """RankMe (Garrido et al. 2023): exp of the entropy of the normalized singular values of ``(n, D)``."""
    values = torch.linalg.svdvals(embeddings.float())
    share = values / values.sum() + 1e-7
    return torch.exp(-(share * share.log()).sum())
