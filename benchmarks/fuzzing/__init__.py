"""Hostile input: mutants of small valid files through the entry points that read such files; see ``__main__``."""
