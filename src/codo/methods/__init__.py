"""Methods of pretraining: one class and one file each, and a line in `registry`.

* ``base``      the protocol
* ``codo``      CoDo and, with four views, CoDo_m (paper section 3)
* ``registry``  their names
"""
