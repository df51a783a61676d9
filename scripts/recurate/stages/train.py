"""What training a generation reads."""

from __future__ import annotations

from typing import Annotated

from pydantic import SerializeAsAny

from recurate.foundation.components import Settings, embedded, embedded_from
from recurate.mixing.keeping import Keeping
from recurate.mixing.trained import Mixing
from recurate.models import Model
from recurate.models.parts.checkpoint import Checkpoint
from recurate.training.objectives import Objective
from recurate.training.settings import CarryOver, Training
from recurate.training.training_set import SampleSource


class Reads(Settings):
    """A network, its objective and training, what it is trained on; where training starts shows in the job's inputs.

    `training` is None where generation 0 is a checkpoint as it is, `checkpoint` None where it is trained here alone,
    `sampler` None where synthetic samples are stored. `curation` is None where a curated set says what was kept.
    """

    model: Annotated[SerializeAsAny[Model], embedded(Model)]
    objective: Annotated[SerializeAsAny[Objective], embedded(Objective)]
    training: Training | None
    carry_over: list[CarryOver]
    mixing: Mixing
    real_samples: int | None
    checkpoint: Checkpoint | None = None
    sampler: Annotated[SerializeAsAny[SampleSource], embedded_from("recurate.sampling", "Sampler")] | None = None
    curation: Annotated[SerializeAsAny[Keeping], embedded_from("recurate.curation", "Curation")] | None = None
