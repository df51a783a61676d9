"""Every family of components, by its base class."""

from __future__ import annotations

from recurate.closed_form.estimators import Estimator
from recurate.curation import Curation
from recurate.curation.judges import Judge
from recurate.curation.rewards import Reward
from recurate.data import Data
from recurate.figures import Figure
from recurate.foundation.components import Component
from recurate.measuring.features import Features
from recurate.measuring.metrics import Metric
from recurate.models import Model
from recurate.sampling import Sampler
from recurate.training.objectives import Objective

FAMILIES: tuple[type[Component], ...] = (
    Data, Judge, Model, Objective, Sampler, Reward, Curation, Features, Metric, Estimator,
    Figure,
)  # fmt: skip
