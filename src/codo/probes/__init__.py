"""Probes of frozen features: k-NN and linear classifiers on boxes and images, and the background-invariance score.

* ``invariance``: the background-invariance score, without labels, during pretraining.
* ``boxes``, ``pictures``: read labeled boxes and images in class folders; ``sets``: their sampling and scores.
* ``features``: features of a canvas, by part of the trunk; ``neighbors``, ``linear``: the two classifiers on them.
* ``feature_health``: effective rank, dead units and spread of features, without labels.
* ``labeled``: all probes with labels of a trunk; ``labels_at_hand``: labels beside the images of a run.
* ``start_comparison``: have scores fallen below the start? ``watched_probes``: alarm, early stop, best checkpoint.
* ``rank_correlation``: does a probe rank trunks as AP does?
* ``probe_settings``: the settings (``probe.*``).

``training/probing`` runs them during pretraining and afterwards (``codo probe``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.probes.boxes import box_probe as box_probe
    from codo.probes.features import trunk_features as trunk_features
    from codo.probes.invariance import InvarianceProbe as InvarianceProbe
    from codo.probes.linear import linear_predict as linear_predict
    from codo.probes.neighbors import knn_predict as knn_predict
    from codo.probes.pictures import picture_probe as picture_probe
    from codo.probes.probe_settings import ProbeSettings as ProbeSettings
    from codo.probes.sets import ProbeSet as ProbeSet
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "InvarianceProbe": "invariance",
            "ProbeSet": "sets",
            "ProbeSettings": "probe_settings",
            "box_probe": "boxes",
            "knn_predict": "neighbors",
            "linear_predict": "linear",
            "picture_probe": "pictures",
            "trunk_features": "features",
        },
    )
