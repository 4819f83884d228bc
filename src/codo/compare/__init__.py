"""``codo compare``: several initialisations x label fractions x seeds on one data set, under one protocol.

* ``settings``: what is compared, on top of the settings of a finetuning
* ``cells``: the grid of finetuning runs, checked before the first begins; what a finished one says
* ``schedule``: does the missing cells, one after the other or in several processes; ``process``: one such process
* ``comparison``: the numbers of all cells, and what they say
* ``tables``: CSV and LaTeX; ``page``: report.html
* ``compare``: puts it together
"""

from codo.room import make_callable

make_callable(__name__, "codo.compare.compare")
