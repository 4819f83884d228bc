"""Reports: offline HTML pages. They read the files of a run or catalog, never live objects.

* ``report``        writes ``report.html`` of a run, and of the demo
* ``view``          writes the page of ``codo view``
* ``pretraining``   the report of ``codo pretrain``
* ``finetuning``    the report of ``codo finetune``
* ``catalog_page``  the page of a catalog
* ``comparison``    several initialisations and seeds against each other
* ``common``        what every report of a run shows: curves, settings, environment, commands
* ``files``         what the files of a run say, whatever is missing
* ``health``        the verdict on a pretraining run: four tell-tales of collapse
* ``metrics``       ``metrics.jsonl`` as columns
* ``detections``    which objects were found, and how well an image went
* ``beside``        detections beside the truth, as pictures
* ``pictures``      photographs with boxes over them
* ``plots``         curves, histograms, dots
* ``labels``        names in figures, where they touch nothing
* ``svg``           from a matplotlib figure to an element of a page
* ``numbers``       how numbers are written
* ``blocks``        what a page is made of
* ``page``          from blocks to one HTML file (``templates/``)
"""
