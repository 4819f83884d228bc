"""PASCAL VOC annotations: ``read`` checks the XML files of a split; `codo.layouts.voc` finds them."""
