"""Methods of pretraining: one class and one file each, and a line in `registry`.

* ``base``      the protocol
* ``registry``  their names, and methods in files of the user's
* ``momentum_contrast``  query, key and queue: what the methods below it share
    * ``codo``    CoDo and, with four views, CoDo_m (paper section 3)
    * ``insloc``  pasted instances, anchors
    * ``moco``    MoCo and MoCo v2; of its family are
        * ``infomin``  a jigsaw beside the query
        * ``densecl``  the cells of the last map
        * ``detco``    four stages of the backbone, jigsaws on both sides
* ``image_level``  one encoder of whole images: what the methods below it share
    * ``simclr``, ``byol``, ``swav``, ``barlow_twins``, ``simsiam``, ``supervised``
* ``peers``     lightly, where heads and losses of image-level methods come from
"""
