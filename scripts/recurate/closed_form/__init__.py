"""Closed-form loops: estimators, their laws, and the loop around them."""
