"""An objective gives a cost of every sample of every seed, which no other sample changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from recurate.models import Model
from recurate.models.conv_vae import ConvVAE
from recurate.models.mlp import MLP
from recurate.models.noise_unet import NoiseUNet
from recurate.models.transformer import Transformer
from recurate.training.objectives import Objective
from recurate.training.objectives.denoising import Denoising
from recurate.training.objectives.evidence_bound import EvidenceBound
from recurate.training.objectives.flow_matching import FlowMatching
from recurate.training.objectives.next_token import NextToken

SEEDS, BATCH = 2, 4
IMAGE = (8, 8, 1)
NETWORK = NoiseUNet.model_validate(
    {
        "kind": "noise_unet",
        "channels": 32,
        "channel_multipliers": [1],
        "head_channels": 32,
        "noise_steps": 20,
        "precision": "float32",
    }
)
CASES: list[tuple[Objective, Model, tuple[int, ...]]] = [
    (FlowMatching(kind="flow_matching"), MLP(kind="mlp", width=8, depth=2), (2,)),
    (Denoising(kind="denoising"), NETWORK, IMAGE),
    (EvidenceBound(kind="evidence_bound"), ConvVAE(kind="conv_vae", channels=4, latent=3), IMAGE),
    (
        NextToken(kind="next_token"),
        Transformer(kind="transformer", vocabulary=11, context=8, width=8, heads=2, blocks=2),
        (6,),
    ),
]


def data(model: Model, shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if isinstance(model, Transformer):
        return torch.randint(model.vocabulary, (SEEDS, BATCH, *shape), generator=generator)
    return torch.rand(SEEDS, BATCH, *shape, generator=generator)


@pytest.mark.parametrize(("objective", "model", "shape"), CASES, ids=lambda case: getattr(case, "kind", ""))
def test_the_cost_of_a_sample_is_what_it_costs_alone(
    objective: Objective, model: Model, shape: tuple[int, ...]
) -> None:
    of_seeds = [model.initial(shape, torch.Generator().manual_seed(seed)) for seed in range(SEEDS)]
    parameters = {name: torch.stack([one[name] for one in of_seeds]) for name in of_seeds[0]}
    x, numbers = data(model, shape), objective.noise(model, np.random.default_rng(0), SEEDS, BATCH, shape)
    noise = {name: torch.from_numpy(values) for name, values in numbers.items()}
    costs = objective.costs(model, parameters, x, noise)
    assert costs.shape == (SEEDS, BATCH)
    assert (costs > 0).all() and len(costs.unique()) == SEEDS * BATCH
    # The evidence bound is added up over a batch, so that its costs are those alone times the size of the batch.
    times = BATCH if isinstance(objective, EvidenceBound) else 1
    for place in range(BATCH):
        alone = {name: values[:, place : place + 1] for name, values in noise.items()}
        found = objective.costs(model, parameters, x[:, place : place + 1], alone)
        torch.testing.assert_close(times * found[:, 0], costs[:, place], rtol=1e-4, atol=1e-5)
