"""The pretrained trunk of a run as a file for other tools: one file per target.

* ``trunk``: `TrunkWeights`, what is exported: backbone, FPN and box head with the settings they were built from.
* ``target``: what every target can do, and how a trunk gets the names of a layout.
* ``torchvision``: torchvision's Faster and Mask R-CNN; builds these detectors around any of our trunks.
* ``one_stage``: torchvision's RetinaNet and FCOS; ``folding``: BatchNorm into convolutions, for their pyramid.
* ``detectron2``, ``mmdet``: weights and, in ``*_config``, configurations; ``named``: how both are checked by name;
  ``keys``: names and shapes of the real models.
* ``resnet``, ``timm``: the backbone alone.
* ``safetensors``: the trunk as it is, with its settings in the header; ``hub``: the same as a folder for a model hub.
* ``write``: `export`: read, write, verify, and only then put the files in their places; ``verify``: the check;
  ``card``: the page beside the weights; ``origin``: what it says of the run.

What matched is reported by ``models.load_report``.
"""
