from recurate.measuring.metrics import Metric


class Height(Metric):
    """Mean second coordinate."""

    def __call__(self, evidence):
        return {"height": float(evidence.x[:, 1].mean())}
