"""``codo compare``: several initializations x label fractions x seeds on one data set, under one protocol.

* ``settings``: what is compared, on top of the settings of a finetuning
* ``plan``: the grid of trials, checked before the first begins; ``starts``: the weights that they start from
* ``pretraining``: initializations that are pretrained first; ``costs``: what that has cost
* ``trials``: one finetuning, and what it leaves
* ``work``: what a process can do; ``schedule``: does what is missing, one after the other or in several processes;
  ``process``: one such process
* ``comparison``: the numbers of all trials; ``sentences``: what they say
* ``tables``: CSV, LaTeX and JSON; ``table``: the paper's table, with ``published`` numbers; ``page``: report.html
* ``compare``: puts it together
"""
