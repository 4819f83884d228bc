"""PASCAL VOC: XML files, image sets, and where its layout has both."""
