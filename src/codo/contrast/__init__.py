"""Momentum contrast, one level of the pyramid at a time; knows tensors only, neither models nor views.

* ``queue``: a ring buffer of past keys per level.
* ``infonce``: `ContrastSettings`, and InfoNCE against the queue (paper, Eq. 7-8).
* ``momentum``: the key encoder as an exponential moving average of the query encoder.
* ``shuffle``: which samples share BatchNorm statistics, on one device and on many.
"""
