"""Reports: one offline HTML file per run. Reads the files of a run, never live objects.

* ``numbers``     how numbers are written
* ``metrics``     metrics.jsonl as columns
* ``health``      the verdict on a pretraining run: four tell-tales of collapse
* ``page``        sections and blocks, rendered to one HTML file (``templates/``)
* ``plots``       curves, histograms, dots as inline SVG
* ``svg``         from a matplotlib figure to an element of the page
* ``pictures``    photographs with boxes over them
* ``detections``  which objects were found, and how well an image went
* ``common``      what every report of a run shows: curves, settings, environment, commands
* ``pretraining`` the report of ``codo pretrain``
* ``finetuning``  the report of ``codo finetune``
* ``comparison``  tables and figures of several initialisations and seeds
* ``report``      writes ``report.html`` of a run, and of the demo
* ``view``        writes the page of ``codo view``
"""
