"""What a run will cost, before a GPU is rented: ``codo plan``.

* ``blank``     the batch of any method, of pictures that are made up
* ``work``      floating-point operations, bytes and memory of a step, counted on the method itself
* ``traffic``   bytes that a step moves between GPUs
* ``costs``     what was measured, or read elsewhere, with source and date (``costs.yaml``)
* ``lines``     what is told, and how certain each line is
* ``plan``      puts it together
"""
