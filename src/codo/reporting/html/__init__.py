"""Building blocks of pages.

* ``blocks``: the content of a page as plain values: paragraphs, tables, figures, images with boxes, filters.
* ``page``: renders blocks as one HTML file that needs no network, with ``templates/``.
* ``plots``, ``scatter``: curves, histograms, dots and named points; ``labels``: names without overlaps;
  ``svg``: a matplotlib figure as an inline ``<svg>`` element.
* ``pictures``: images as small JPEGs in the page, with boxes over them.
"""
