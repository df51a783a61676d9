from recurate.foundation.lazy import np
from recurate.measuring.features import Features


class Polar(Features):
    """Distance from the origin, and the direction as sine and cosine."""

    def extract(self, x, scorer, device):
        radius = np.linalg.norm(x, axis=1, keepdims=True)
        return np.concatenate([radius, x / np.maximum(radius, 1e-12)], axis=1)
