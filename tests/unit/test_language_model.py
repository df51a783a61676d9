"""Causal transformers: what they compute, with and without a cache, stacked and alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from language_setup import BLOCK, MODEL, VOCABULARY, fitted, parameters, tokens

from recurate.data import Description
from recurate.models.parts.likelihood import log_likelihood, predictive_entropy
from recurate.models.parts.units import Encoding
from recurate.models.transformer import Transformer
from recurate.training.objectives.next_token import NextToken
from recurate.training.settings import Training
from recurate.training.state import State
from recurate.training.trainer import Trainer
from recurate.training.training_set import TrainingSet

OBJECTIVE = NextToken(kind="next_token")


def test_a_token_changes_no_prediction_before_it() -> None:
    x, known = tokens(1, 1, 8), parameters(1)
    changed = x.clone()
    changed[..., 5] = (changed[..., 5] + 1) % VOCABULARY
    before, after = MODEL.logits(known, x), MODEL.logits(known, changed)
    assert torch.equal(before[:, :, :5], after[:, :, :5])
    assert not torch.allclose(before[:, :, 5:], after[:, :, 5:])


def test_one_block_looks_back_no_farther_than_its_context() -> None:
    model = Transformer(kind="transformer", vocabulary=VOCABULARY, context=4, width=8, heads=2, blocks=1)
    x, known = tokens(1, 1, 10), parameters(1, model)
    changed = x.clone()
    changed[..., 0] = (changed[..., 0] + 1) % VOCABULARY
    before, after = model.logits(known, x), model.logits(known, changed)
    torch.testing.assert_close(before[:, :, 4:], after[:, :, 4:])
    assert not torch.allclose(before[:, :, 3], after[:, :, 3])


@pytest.mark.parametrize("begin", [1, 5, 8, 13])
def test_predictions_with_a_cache_are_those_without_also_beyond_the_context(begin: int) -> None:
    x, known = tokens(3, 4, 20), parameters(3)
    expected = MODEL.logits(known, x)
    found, reading = MODEL.begin(known, x[..., :begin])
    torch.testing.assert_close(found, expected[:, :, begin - 1], atol=1e-4, rtol=1e-4)
    for place in range(begin, 20):
        found = reading.step(x[..., place])
        torch.testing.assert_close(found, expected[:, :, place], atol=1e-4, rtol=1e-4)


def test_rows_of_a_cache_can_be_chosen_anew() -> None:
    x, known, rows = tokens(2, 3, 5), parameters(2), torch.tensor([[2, 2, 0, 1], [0, 1, 1, 0]])
    _, reading = MODEL.begin(known, x)
    chosen = torch.stack([part[row] for part, row in zip(x, rows, strict=True)])
    following = tokens(2, 4, seed=1)
    reading.select(rows)
    found = reading.step(following)
    expected = MODEL.logits(known, torch.cat([chosen, following[..., None]], dim=2))[:, :, -1]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_seed_alone_computes_what_it_computes_in_a_stack() -> None:
    x, known = tokens(3, 4, 7), parameters(3)
    together = MODEL.logits(known, x)
    for seed in range(3):
        alone = MODEL.logits({name: value[seed : seed + 1] for name, value in known.items()}, x[seed : seed + 1])
        torch.testing.assert_close(together[seed], alone[0], atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_mean_cross_entropy_of_each_seed() -> None:
    x, known = tokens(3, 4, BLOCK), parameters(3)
    probability = MODEL.logits(known, x[..., :-1]).softmax(dim=-1).gather(-1, x[..., 1:, None])
    torch.testing.assert_close(OBJECTIVE.costs(MODEL, known, x, {}).mean(dim=1), -probability.log().mean(dim=(1, 2, 3)))


def test_likelihood_and_entropy_of_blocks_follow_from_the_probabilities_of_each_token() -> None:
    scorer, x = fitted(), tokens(5, BLOCK).numpy().astype(np.int32)
    probabilities = MODEL.logits(scorer.parameters, torch.from_numpy(x)[None].long())[0].double().softmax(-1).numpy()
    expected, entropies = [], []
    for block, p in zip(x, probabilities, strict=True):
        expected.append(np.mean([np.log(p[place, block[place + 1]]) for place in range(BLOCK - 1)]))
        entropies.append(np.mean([-(p[place] * np.log(p[place])).sum() for place in range(BLOCK - 1)]))
    np.testing.assert_allclose(log_likelihood(scorer, x), expected, rtol=1e-5)
    np.testing.assert_allclose(predictive_entropy(scorer, x), entropies, rtol=1e-5)


def test_perplexity_of_a_block_does_not_depend_on_the_blocks_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer, x = fitted(), tokens(9, BLOCK).numpy().astype(np.int32)
    together = log_likelihood(scorer, x)
    monkeypatch.setattr("recurate.models.parts.likelihood.LOGITS_AT_A_TIME", BLOCK * VOCABULARY * 2)
    np.testing.assert_allclose(log_likelihood(scorer, x), together, rtol=1e-6)
    np.testing.assert_allclose(log_likelihood(scorer, x[3:4]), together[3:4], rtol=1e-6)


def trainer(seeds: list[int], folder: Path, **changes: object) -> Trainer:
    settings = Training.model_validate({"steps": 60, "batch_size": 4, "learning_rate": 1e-2, **changes})
    encoding = Encoding((BLOCK,), "int32", 0.0, 1.0)
    return Trainer(MODEL, OBJECTIVE, settings, encoding, seeds, 1, folder / "progress.safetensors")


def test_training_learns_to_count_and_a_seed_alone_learns_what_it_learns_in_a_stack(tmp_path: Path) -> None:
    start = torch.arange(VOCABULARY)[:, None]
    counting = ((start + torch.arange(BLOCK)) % VOCABULARY).to(torch.int32)
    losses = {}
    for seeds in ([0, 3], [3]):
        found = trainer(seeds, tmp_path, steps=300)
        _, losses[len(seeds)] = found.train(found.start(), TrainingSet(counting, None, 1.0))
    np.testing.assert_allclose(losses[2][1], losses[1][0], rtol=1e-3)
    assert losses[2][:, -1].max() < 0.1 < 1.0 < losses[2][:, 0].min()


@pytest.mark.parametrize("decoupled", [False, True])
def test_weight_decay_is_that_of_torchs_adam_and_adamw(tmp_path: Path, decoupled: bool) -> None:
    settings = Training(steps=5, weight_decay=0.1, decoupled_weight_decay=decoupled)
    state = State(parameters(2, sharp=1.0), settings, "cpu")
    plain = {name: value.detach().clone().requires_grad_() for name, value in state.parameters.items()}
    optimizer = (torch.optim.AdamW if decoupled else torch.optim.Adam)(plain.values(), lr=1e-2, weight_decay=0.1)
    for step in range(5):
        x = tokens(2, 4, BLOCK, seed=step)
        state.step(state.gradients(OBJECTIVE.costs(MODEL, state.parameters, x, {}).mean(dim=1)), 1e-2)
        optimizer.zero_grad()
        OBJECTIVE.costs(MODEL, plain, x, {}).mean(dim=1).sum().backward()
        optimizer.step()
    for name, value in plain.items():
        torch.testing.assert_close(state.parameters[name], value, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Description(shape=(28, 28, 1), classes=10), "needs text"),
        (Description(shape=(BLOCK,), classes=0, vocabulary=300), "the data's tokenizer has 300 tokens"),
        (Description(shape=(9,), classes=0, vocabulary=5), "8 tokens are fewer than the 9 of the data's blocks"),
    ],
)
def test_data_that_do_not_fit_the_model_are_refused_in_a_sentence(data: Description, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MODEL.check(data)
