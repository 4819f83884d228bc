"""Training: drives anything that keeps the protocol of ``methods.base``.

* ``settings``     what can be chosen in a pretraining run
* ``pretrain``     puts a pretraining run together, top to bottom
* ``loop``         the loop
* ``optim``        SGD, learning-rate schedules and scaling
* ``checkpoint``   saving and exact resume
* ``distributed``  processes, devices, signals
* ``monitors``     is it healthy? alarms in plain language
* ``logging``      metrics.jsonl, train.log, progress bar, trackers
"""
