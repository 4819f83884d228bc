"""The probes with labels of a trunk: their sets, read once, and their scores."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from codo.evaluation.leaks import pool_warning
from codo.models.batch_statistics import data_statistics, tracking_layers
from codo.models.normalization import Normalization
from codo.models.pixel_rules import DEFAULT_RULES, PixelSettings
from codo.probes.boxes import box_probe
from codo.probes.features import main_part, part_features, trunk_features
from codo.probes.pictures import picture_probe
from codo.probes.probe_settings import LabeledProbeSettings
from codo.probes.sets import ProbeSet, featurize_all


@dataclass(frozen=True)
class LabeledProbes:
    """Labeled probe sets, read and checked.

    Attributes:
        sets: The probe sets.
        settings: Their settings.
    """

    sets: tuple[ProbeSet, ...]
    settings: LabeledProbeSettings = field(default_factory=LabeledProbeSettings)

    @classmethod
    def read(cls, settings: LabeledProbeSettings, canvas: int, pixels: PixelSettings | None = None) -> LabeledProbes:
        """Read the probe sets of the settings.

        Args:
            settings: Which data.
            canvas: Side of the canvases in pixels.
            pixels: How image files became colors in pretraining, for what ``data.*`` leaves open.

        Raises:
            InputError: Wrong annotations or folders; images that cannot be read; too few classes.
        """
        sets = []
        if settings.data is not None:
            sets.append(box_probe(settings.data.filled_from(pixels), settings.boxes, canvas))
        if settings.image_folder is not None:
            rules = pixels.pixel_rules if pixels is not None else DEFAULT_RULES
            sets.append(picture_probe(settings.image_folder, settings.images, canvas, rules))
        return cls(tuple(sets), settings)

    def scores(
        self,
        parts: Mapping[str, nn.Module],
        device: torch.device,
        normalization: Normalization,
        untrained: Collection[str] = (),
    ) -> dict[str, float]:
        """Compute ``probe/roi/knn``, ``probe/roi/fpn/knn``, ``probe/image/linear``, … of modules in evaluation mode.

        Neither the modules nor the global random state are changed, so probes do not change what a run computes.

        Args:
            parts: The parts of the trunk.
            device: Their device.
            normalization: That of the images that they were trained on.
            untrained: The parts with random weights, whose BatchNorm statistics are not theirs: they are probed with
                the statistics of the canvases that the probe learns from.
        """
        found: dict[str, float] = {}
        layers = tracking_layers(parts[part] for part in untrained)
        for probe_set in self.sets:
            whole = probe_set.name == "image"  # classified by the backbone alone, as in linear evaluation
            featurize = part_features({"backbone": parts["backbone"]} if whole else parts, device, normalization)
            pass_train = partial(featurize_all, featurize, probe_set.train.images, probe_set.train.boxes)
            with torch.autocast(device.type, enabled=False), data_statistics(layers, pass_train):
                if whole:
                    found |= probe_set.scores(trunk_features(parts, device, normalization, whole=True))
                else:
                    found |= probe_set.part_scores(featurize, main_part(parts))
        return {f"probe/{name}": value for name, value in found.items()}

    def warnings(self, weights: str) -> list[str]:
        """Warnings about the data, and about evaluation images that were also used to pretrain ``weights``.

        Args:
            weights: See `codo.evaluation.leaks.lineage`.
        """
        judges = list(dict.fromkeys(path for one in self.sets for path in one.val_files))
        messages = [text for one in self.sets for text in one.warnings]
        near, name = self.settings.near_duplicates, f"{self.settings.prefix}near_duplicates"
        return [text for text in (*messages, pool_warning(judges, weights, "that probes judge by", near, name)) if text]
