"""COCO annotations and results.

* ``layout``: finds annotation files and images in a folder.
* ``read``: reads and checks an annotation file; ``json_columns``: columns of a JSON list with checked types.
* ``results``: reads detections of any detector and checks them against the ground truth.
"""
