"""Finetuning and evaluation of detectors on labeled images (docs/method.md#coco-finetuning).

* ``finetune``: ``codo finetune``; ``finetune_settings``, ``optim``: its settings and optimizer; ``protocol``: log
  messages about BatchNorm, learning rate and length.
* ``task``: the data of a finetuning run, read and checked; ``dataset``, ``transforms``, ``sampler``: from annotations
  to batches.
* ``detector``: a torchvision detector with the interface of a method, for training and prediction; ``roi_pool``,
  ``roi_kernels``: its RoIAlign on a CPU.
* ``load_pretrained``: loading of initial weights (``weights=``).
* ``detector_io``: saving and loading of finetuned detectors; ``results``: detections as COCO result files.
* ``precise_bn``: BatchNorm statistics before an evaluation; ``validation``: evaluations during a run, early stopping.
* ``predict``: runs a detector on a data set; ``evaluate``: ``codo evaluate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.detection.detector import Detector as Detector
    from codo.detection.detector import DetectorSettings as DetectorSettings
    from codo.detection.detector_io import DetectorCard as DetectorCard
    from codo.detection.detector_io import SavedDetector as SavedDetector
    from codo.detection.evaluate import EvaluateSettings as EvaluateSettings
    from codo.detection.evaluate import evaluate as evaluate
    from codo.detection.finetune import finetune as finetune
    from codo.detection.finetune_settings import FinetuneSettings as FinetuneSettings
    from codo.detection.predict import predict as predict
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Detector": "detector",
            "DetectorCard": "detector_io",
            "DetectorSettings": "detector",
            "EvaluateSettings": "evaluate",
            "FinetuneSettings": "finetune_settings",
            "SavedDetector": "detector_io",
            "evaluate": "evaluate",
            "finetune": "finetune",
            "predict": "predict",
        },
    )
