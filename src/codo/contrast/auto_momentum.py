"""``contrast.momentum=auto``: a momentum of the key encoder that fits the length of the run and the queue.

Legend: m momentum, tau = 1 / (1 - m) its time constant in steps, K queue, k keys enqueued per step.

The rule: tau is a tenth of the run, and with a queue at least 20 times the age K / k of its oldest key; then m is at
least 0.9, at most 0.999, and rounded to three digits. Why (docs/method.md#auto-momentum):

* Keys of an encoder that follows for longer than the run lasts come from a nearly random network. 0.999 has a time
  constant of 1,000 steps.
* The keys in a queue must come from nearly the same encoder, or new keys are found only because they are newer. Of
  small runs, 0.99 with keys up to 4 steps old (25 times) was healthy; 0.9 with 2 (5 times) and 0.99 with 16 (6 times)
  collapsed. If the queue needs more than a tenth of the run, it wins: collapse is worse than slow keys.
* 0.999 is MoCo's, the slowest that is known to be good.
"""

from __future__ import annotations

RUN_SHARE = 10
"""The run lasts this many time constants."""
QUEUE_LIVES = 20
"""Least time constant in ages of the oldest queued key."""
FASTEST, SLOWEST = 0.9, 0.999


def auto_momentum(steps: int, queue_age: float = 0.0) -> float:
    """The momentum of the rule above.

    Args:
        steps: Length of the run in steps.
        queue_age: K / k, age of the oldest queued key in steps; 0 without a queue.

    Example:
        >>> from codo.contrast.auto_momentum import auto_momentum
        >>> auto_momentum(700), auto_momentum(400, queue_age=4), auto_momentum(20), auto_momentum(100_000)
        (0.986, 0.988, 0.9, 0.999)
    """
    time_constant = max(steps / RUN_SHARE, QUEUE_LIVES * queue_age, 1.0)
    return round(min(SLOWEST, max(FASTEST, 1 - 1 / time_constant)), 3)
