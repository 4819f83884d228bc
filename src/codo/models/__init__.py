"""The networks of the method: backbone, FPN, RoIAlign, box head and projection (paper, Eq. 3-6).

* ``backbone``: torchvision ResNets (any width) and timm models that return the maps of strides 4 to 32.
* ``fpn``: the feature pyramid P2-P5, with or without BatchNorm.
* ``roi_align``: RoIAlign for exactly one box per image, as two small matrix products.
* ``box_head``: the detector's box head, shared by all levels, and the projection to the embedding.
* ``encoder``: `ModelSettings`, and `Encoder`, which puts the four together.
* ``layouts``: what torchvision, timm, Detectron2 and MMDetection call the same tensors, in both directions.
* ``weight_files``, ``pickles``: reading tensors from files and runs without running code of theirs.
* ``load_report``: which tensors of a file fit a model, by component; refuses a poor match.
* ``weights``: recognizing the layout of a file and starting an encoder from it (``model.init``, ``weights=``).
"""
