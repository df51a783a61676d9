"""Fréchet distance to real data in a feature space."""

from __future__ import annotations

from typing import ClassVar

from recurate.foundation.terms import Term
from recurate.measuring.metrics import Evidence, FeatureMetric
from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments


class Frechet(FeatureMetric):
    """Fréchet distance between Gaussians fitted to features of all samples and of the reference (Heusel et al. 2017).

    It is called fid on Inception's features only; on others it is not the literature's number. Values compare only for
    one number of samples; with fewer samples than features they say little, and a row warns.
    """

    terms: ClassVar[tuple[Term, ...]] = (
        Term("frechet_{features}", "|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)), of features of samples and real data"),
        Term("fid", "frechet_{features} of the features inception"),
        Term("warning_few_samples_{metric}", "number of samples, where they are fewer than features", "samples"),
    )

    def __call__(self, evidence: Evidence) -> dict[str, float]:
        space = evidence.space(self.features)
        mean, covariance = moments(space.x)
        statistics = space.statistics
        if not statistics:
            reference_mean, reference_covariance = moments(space.reference)
            statistics = {"mean": reference_mean, "factor": factor(reference_covariance)}
        name = "fid" if space.name == "inception" else f"frechet_{space.name}"
        values = {name: frechet_distance(mean, covariance, statistics["mean"], statistics["factor"])}
        fewest = min(len(space.x), len(space.reference))
        if fewest < len(mean):
            print(f"warning: {name} rests on {fewest} samples of {len(mean)} features, which biases it; take more")
            values[f"warning_few_samples_{name}"] = float(fewest)
        return values
