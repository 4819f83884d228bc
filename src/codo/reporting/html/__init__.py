"""Building blocks of pages.

* ``blocks``: the content of a page as plain values: paragraphs, tables, figures, images with boxes, filters.
* ``page``: renders blocks as one HTML file that needs no network, with ``templates/``.
* ``plots``, ``scatter``, ``label_efficiency``: curves, histograms, dots, named points, AP over labels;
  ``labels``: names without overlaps; ``svg``: a matplotlib figure as an inline ``<svg>`` element.
* ``pictures``: images as small JPEGs in the page, with boxes over them.
"""
