"""Mixing: what a generation's training set is made of, in trained and in simulated loops.

The papers mix under incompatible names. Here a mixing rule is one of six regimes; the papers' parameters are converted
in `ratios` and nowhere else.
"""
