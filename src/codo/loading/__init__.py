"""From a catalog to batches: datasets, sampler and background pools.

* ``step_dataset``: the base of all datasets, from a step plan to a batch; the loader's workers run it.
* ``sampler``: which samples a step uses, and their order for the key network.
* ``loader``: builds the data loaders of pretraining, finetuning, evaluation and prediction.
* ``delivery``: how items travel from a worker to the main process, whatever the size of shared memory.
* ``pasted_views``, ``pools``: which proposal of which image is pasted on which background (Table 2).
* ``first_views``: how much of their proposals the pasted views of the first batch show; ``run_views``: those of a run
  that is over; ``examples``: pictures of what a method answers, as a file of the run.
* ``crop_dataset``: random crops of whole images; ``jigsaw_dataset``: the same with jigsaws of nine shuffled patches.
* ``object_crops``: SoCo's views, which share proposals; ``object_pairs``: ORL's pairs of objects, which
  ``correspondence`` finds; ``located_views``: pasted views with the boxes that localization needs.
* ``salient_views``: DiLo's views, salient objects on other backgrounds; ``stored_alphas``: what is salient, in a file.
* ``dataset_inputs``: what a run gives its method to build a dataset from.
* ``contents``: which images a run was begun with, which may not change.
* ``local_files``: files of catalogs in an object store, copied to this machine.
* ``warm_up``: loads compiled kernels before workers are started.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codo.core.lazy import lazy_exports

if TYPE_CHECKING:
    from codo.loading.crop_dataset import Crop as Crop
    from codo.loading.crop_dataset import CropBatch as CropBatch
    from codo.loading.crop_dataset import CropDataset as CropDataset
    from codo.loading.dataset_inputs import DatasetInputs as DatasetInputs
    from codo.loading.jigsaw_dataset import JigsawDataset as JigsawDataset
    from codo.loading.jigsaw_dataset import JigsawSettings as JigsawSettings
    from codo.loading.object_crops import ObjectDataset as ObjectDataset
    from codo.loading.object_pairs import ObjectPairs as ObjectPairs
    from codo.loading.pasted_views import PastedViews as PastedViews
    from codo.loading.pools import Pool as Pool
    from codo.loading.pools import PoolSettings as PoolSettings
    from codo.loading.sampler import StepSampler as StepSampler
    from codo.loading.step_dataset import StepDataset as StepDataset
    from codo.loading.step_dataset import ViewBatch as ViewBatch
    from codo.loading.step_dataset import ViewDataset as ViewDataset
else:
    __getattr__, __dir__, __all__ = lazy_exports(
        __name__,
        {
            "Crop": "crop_dataset",
            "CropBatch": "crop_dataset",
            "CropDataset": "crop_dataset",
            "DatasetInputs": "dataset_inputs",
            "JigsawDataset": "jigsaw_dataset",
            "JigsawSettings": "jigsaw_dataset",
            "ObjectDataset": "object_crops",
            "ObjectPairs": "object_pairs",
            "PastedViews": "pasted_views",
            "Pool": "pools",
            "PoolSettings": "pools",
            "StepDataset": "step_dataset",
            "StepSampler": "sampler",
            "ViewBatch": "step_dataset",
            "ViewDataset": "step_dataset",
        },
    )
