"""Garbage collection around the start of the dashboard, which loads much that stays."""

from __future__ import annotations

import gc

SETTLED_AFTER = 1.0
"""Seconds after which what stays has been loaded."""

SELDOM = 100
"""Collections of what is young for each one of everything: that one stops the dashboard for a tenth of a second."""


def pause_collecting() -> None:
    """Collect nothing while nearly nothing is garbage: looking for it takes a tenth of the start."""
    gc.disable()


def go_on_collecting() -> None:
    """Collect from now on, but never again look through what the start has loaded."""
    if not gc.isenabled():
        gc.freeze()
        young, middle, _ = gc.get_threshold()
        gc.set_threshold(young, middle, SELDOM)
        gc.enable()
