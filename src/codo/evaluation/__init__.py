"""Evaluation of detections and runs: AP, error types, confidence intervals. Pages are made by `codo.reporting`.

* ``coco_metrics``: COCO's twelve numbers; ``voc_metrics``: PASCAL VOC's own AP.
* ``detections``: detections joined with the ground truth, per image; ``load_detections``: reads both from files.
* ``matching``: assigns detections to objects and computes average precision, as COCO does.
* ``error_types``, ``error_impact``: the six error types of TIDE, and how much AP each of them costs.
* ``ap_values``: display names of COCO's numbers, and reading one from a result.
* ``resampling``: AP on bootstrap resamples of the images; ``statistics``: intervals of differences;
  ``verdict``: the sentence that states whether a difference is beyond noise.
* ``run_metrics``: the logged steps of a run as columns; ``run_summary``: current, first, lowest and highest values.
* ``health``: thresholds and alarms for collapse and slow loading; ``feature_checks``: what is left of the features to
  export; ``start_warnings``: settings that do not fit the run; ``health_checks``: the verdict of the report.
* ``leaks``: whether evaluation images were in the pretraining data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.evaluation.coco_metrics import Scores as Scores
    from codo.evaluation.coco_metrics import coco_metrics as coco_metrics
    from codo.evaluation.detections import DetectedObject as DetectedObject
    from codo.evaluation.detections import Detections as Detections
    from codo.evaluation.detections import ImageResult as ImageResult
    from codo.evaluation.error_impact import ErrorImpact as ErrorImpact
    from codo.evaluation.error_impact import measure_impact as measure_impact
    from codo.evaluation.error_types import ErrorAssignment as ErrorAssignment
    from codo.evaluation.error_types import ErrorType as ErrorType
    from codo.evaluation.error_types import assign_errors as assign_errors
    from codo.evaluation.load_detections import detections_of_file as detections_of_file
    from codo.evaluation.load_detections import detections_of_run as detections_of_run
    from codo.evaluation.resampling import resampled_ap as resampled_ap
    from codo.evaluation.voc_metrics import voc_metrics as voc_metrics
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "DetectedObject": "detections",
            "Detections": "detections",
            "ErrorAssignment": "error_types",
            "ErrorImpact": "error_impact",
            "ErrorType": "error_types",
            "ImageResult": "detections",
            "Scores": "coco_metrics",
            "assign_errors": "error_types",
            "coco_metrics": "coco_metrics",
            "detections_of_file": "load_detections",
            "detections_of_run": "load_detections",
            "measure_impact": "error_impact",
            "resampled_ap": "resampling",
            "voc_metrics": "voc_metrics",
        },
    )
