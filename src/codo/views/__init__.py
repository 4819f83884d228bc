"""Views: what the network sees of a sample (paper section 3.1).

* ``randomness``  where every random number comes from: (seed, epoch, sample, stream)
* ``boxes``       IoU, clipping, jitter
* ``crop``        random resized crops
* ``photometric`` MoCo v2's color, gray and blur: settings and draws
* ``resample`` (with ``mix``), ``color``, ``blur``  what they do to pixels; ``render`` puts them together
* ``randaugment``  RandAugment, of whole images
* ``crops``       views of whole images; ``jigsaw``  the same with nine shuffled patches of each
* ``deferred``    the same for a whole batch, on the device
* ``pools``       background pools per network, with weights (Table 2)
* ``cpj``         copy, paste, jitter: Eq. 1 and 2
* ``sampler``     which sample and view goes where, step by step
* ``kernels``     loading what is compiled, before workers are forked
* ``dataset``     requests to batches, for the loader
"""
