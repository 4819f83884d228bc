"""COCO annotations and results.

* ``layout``: where a folder has annotation files and images.
* ``read``: reads and checks an annotation file; ``json_columns``: columns of a JSON list with checked types.
* ``results``: reads detections of any detector and checks them against the ground truth.
"""
