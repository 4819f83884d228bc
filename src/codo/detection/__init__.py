"""Detectors on labeled images: finetune, evaluate (docs/method.md#coco-finetuning).

* ``transforms``: flip and multi-scale resize of an image with its boxes and masks.
* ``dataset``: from annotations to training batches and evaluation images, what the loader's workers run.
* ``sampler``: batches of images that are all wide or all tall.
* ``detector``: a torchvision detector as a method that the training loop can drive, and as a predictor.
* ``start``: the weights that a detector starts from (``weights=``).
* ``saved``: finetuned detectors on disk.
* ``results``: detections as a COCO result file, written and read.
* ``coco_metrics``: COCO's twelve numbers through hotcoco or pycocotools.
* ``voc_metrics``: PASCAL VOC's own numbers.
* ``predict``: a detector over a data set.
* ``evaluate``: the verb ``codo evaluate``.
* ``settings``, ``optim``: the settings of a finetuning run, and its optimizer.
* ``task``: the data of a finetuning run, read and checked.
* ``precise_bn``: BatchNorm's statistics before an evaluation.
* ``validation``: evaluations during a run, and early stopping.
* ``protocol``: BatchNorm, learning rate and length of a run in words, for its log.
* ``finetune``: the verb ``codo finetune``.
"""
