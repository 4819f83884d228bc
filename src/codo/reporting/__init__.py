"""Reports: offline HTML pages. They read the files of a run or catalog, never live objects.

* ``report``        writes ``report.html`` of a run, and of the demo
* ``view``          writes the page of ``codo view``
* ``pretraining``   the report of ``codo pretrain``
* ``finetuning``    the report of ``codo finetune``
* ``catalog_page``  the page of a catalog
* ``comparison``    several initializations and seeds against each other
* ``common``        what every report of a run shows: curves, settings, environment, commands
* ``files``         what the files of a run say, whatever is missing
* ``health``        the verdict on a pretraining run: four tell-tales of collapse
* ``metrics``       ``metrics.jsonl`` as columns
* ``detections``    detections beside the truth, image by image
* ``sources``       where they come from: a run, or a result file of any detector
* ``matching``      which detection found which object, and average precision, as COCO does both
* ``outcomes``      what came of every detection and object: right, or which error
* ``breakdown``     how much AP each kind of error costs
* ``beside``        detections beside the truth, as pictures
* ``detections_page``  the page of them all
* ``pictures``      photographs with boxes over them
* ``plots``         curves, histograms, dots
* ``outcome_plots`` precision over recall, bars of outcomes
* ``labels``        names in figures, where they touch nothing
* ``svg``           from a matplotlib figure to an element of a page
* ``numbers``       how numbers are written
* ``blocks``        what a page is made of
* ``page``          from blocks to one HTML file (``templates/``)
"""
