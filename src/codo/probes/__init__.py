"""How good is a frozen trunk? Everything that asks it without training it.

* ``invariance``: the background-invariance score, label-free, during pretraining.
"""
