"""Measurements, run by hand: medians and ratios within one run."""
