"""What a run will cost, before a GPU is rented: ``codo plan``.

* ``work``      floating-point operations, bytes and memory of a step, from the model itself on the meta device
* ``traffic``   bytes that a step moves between GPUs
* ``costs``     what was measured, or read elsewhere, with source and date (``costs.yaml``)
* ``plan``      puts it together; every line says where its number comes from
"""
