"""How good is a frozen trunk? Everything that asks it without training it.

* ``invariance``: the background-invariance score, label-free, during pretraining.
* ``boxes``, ``pictures``: labeled boxes and class folders as canvases; ``sets``: which are drawn, how they are scored.
* ``features``: what a trunk says of a canvas; ``neighbors``, ``linear``: the two ways of reading a class from it.

``training/probing`` asks on the way through a run, and afterwards (``codo probe``).
"""
