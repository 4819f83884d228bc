"""What pages are made of.

* ``blocks``: the content of a page as plain values: paragraphs, tables, figures, images with boxes, filters.
* ``page``: from blocks to one HTML file that needs no network, by ``templates/``.
* ``plots``, ``scatter``: curves, histograms, dots and named points; ``labels``: names that touch nothing;
  ``svg``: from a matplotlib figure to an element of a page.
* ``pictures``: images as small JPEGs in the page, with boxes over them.
"""
