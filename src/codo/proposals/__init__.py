"""Object proposals without labels: our own selective search (Uijlings et al. 2013), compiled with Numba.

* `selective_search`: the search as a whole, its three modes.
* `downscale`: exact area-averaging resize before the search.
* `color`: the color spaces it diversifies over.
* `smoothing`: Gaussian smoothing in fixed point.
* `segmentation`: the pixel graph and Felzenszwalb-Huttenlocher segmentation for several ``k`` at once.
* `regions`: what is known of every region: size, box, neighbors, color and texture histogram.
* `grouping`: the four similarities and hierarchical grouping.
* `filters`: from all boxes to the proposals that are stored.
* `compiled`: how every function of this room that loops over pixels is compiled.

Every decision is made on integers (the few floating-point steps are single IEEE operations), so that the boxes are the
same on every call, thread count and machine.
"""
