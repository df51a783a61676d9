"""Fréchet distance on the features of a study's own judge."""

from __future__ import annotations

from recurate.lazy import np
from recurate.metrics import Evidence, Metric


class FrechetJudge(Metric):
    """Fréchet distance between Gaussians fitted to judge features of all samples and of the held-out real data.

    clean-fid computes the distance. The features are not Inception's: the number is not the literature's FID and is
    comparable only within one origin, for one number of samples.
    """

    @property
    def needs_judge(self) -> bool:
        return True

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        from recurate.torchvision_compat import import_cleanfid

        assert evidence.judge is not None
        moments = []
        for part in (evidence.x, evidence.real):
            features = evidence.judge.features(part).astype(np.float64)
            moments += [features.mean(axis=0), np.cov(features, rowvar=False)]
        return {"frechet_judge": float(import_cleanfid().frechet_distance(*moments))}
