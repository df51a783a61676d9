"""Training: the settings, the training set, the state, the loop; objectives beside it."""
