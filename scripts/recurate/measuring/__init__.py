"""Numbers about generations: feature spaces, metrics, and those that every arm has."""
