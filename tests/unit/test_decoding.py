"""Continuations of text: by chance, from a nucleus, by beam search."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from language_setup import BLOCK, MODEL, VOCABULARY, parameters, tokens
from other_ways import without_cache

from recurate.foundation.errors import RecurateError
from recurate.sampling import Request, SampleSet
from recurate.sampling.continuation import Continuation
from recurate.sampling.parts.text_generation import Bending, by_beams, by_chance, drawn

REAL = tokens(40, BLOCK, seed=5).numpy().astype(np.int32)


def sampled(
    seeds: list[int], generation: int = 1, samples: int = 12, first_tokens: int = 0, **settings: object
) -> SampleSet:
    sampler = Continuation.model_validate({"kind": "continuation", **settings})
    known = {name: value[seeds] for name, value in parameters(3).items()}
    request = Request(seeds, generation, samples, (BLOCK,), real=REAL, first_tokens=first_tokens)
    return sampler.sample(MODEL, known, request)


def test_a_wide_beam_finds_the_likeliest_texts_of_all() -> None:
    """All 11^3 continuations of three tokens, with a beam that never drops a beginning."""
    known, prompts = parameters(2), tokens(2, 2, 3)
    found, scores = by_beams(MODEL, known, prompts, 3, VOCABULARY**2, Bending())
    texts = torch.tensor(list(itertools.product(range(VOCABULARY), repeat=3)))
    for seed, prompt in itertools.product(range(2), range(2)):
        own = {name: value[seed : seed + 1] for name, value in known.items()}
        whole = torch.cat([prompts[seed, prompt].expand(len(texts), -1), texts], dim=1)
        log_probabilities = MODEL.logits(own, whole[None])[0, :, 2:5].log_softmax(-1)
        total = log_probabilities.gather(2, texts[..., None])[..., 0].sum(1)
        best = total.argsort(descending=True)[:5]
        assert torch.equal(found[seed, prompt, :5], texts[best])
        torch.testing.assert_close(scores[seed, prompt, :5], total[best], atol=1e-4, rtol=1e-4)


def test_one_beam_takes_the_likeliest_token_every_time() -> None:
    known, prompts = parameters(2), tokens(2, 3, 4)
    found, _ = by_beams(MODEL, known, prompts, 9, 1, Bending())
    greedy = without_cache(MODEL, known, prompts, 9, lambda logits: logits.argmax(-1))
    assert torch.equal(found[:, :, 0], greedy)


def test_chance_with_a_cache_is_chance_without() -> None:
    known, prompts = parameters(2), tokens(2, 3, 4)
    uniform = torch.rand(2, 3, 9, generator=torch.Generator().manual_seed(0))
    found = by_chance(MODEL, known, prompts, uniform, Bending())
    place = iter(range(9))
    expected = without_cache(MODEL, known, prompts, 9, lambda logits: drawn(logits, uniform[..., next(place)], 1.0))
    assert torch.equal(found, expected)


def test_tokens_come_as_often_as_their_probabilities_say() -> None:
    logits = torch.tensor([1.0, 0.0, -1.0, 2.0])
    uniform = (torch.arange(10_000) + 0.5) / 10_000
    found = drawn(logits.expand(1, 10_000, 4), uniform[None], 1.0)[0]
    np.testing.assert_allclose(np.bincount(found) / 10_000, logits.softmax(0), atol=2e-4)


def test_a_nucleus_holds_the_fewest_tokens_that_reach_its_probability() -> None:
    """Probabilities .5 .3 .15 .05: 0.75 takes two tokens, in the ratio 5 : 3, and 0.81 takes three."""
    logits = torch.tensor([0.15, 0.5, 0.05, 0.3]).log().expand(1, 8_000, 4)
    uniform = ((torch.arange(8_000) + 0.5) / 8_000)[None]
    np.testing.assert_allclose(
        np.bincount(drawn(logits, uniform, 0.75)[0], minlength=4) / 8_000, [0, 5 / 8, 0, 3 / 8], atol=1e-3
    )
    assert set(drawn(logits, uniform, 0.81)[0].tolist()) == {0, 1, 3}


def test_temperature_and_penalty_change_logits_as_defined() -> None:
    logits, past = torch.tensor([[[2.0, -2.0, 1.0]]]), torch.tensor([[[0, 1, 0]]])
    torch.testing.assert_close(Bending(0.5, 4.0)(logits, past), torch.tensor([[[1.0, -16.0, 2.0]]]))
    assert Bending()(logits, past) is not None and torch.equal(Bending()(logits, past), logits)


@pytest.mark.parametrize("strategy", ["sampling", "nucleus", "beam"])
def test_a_seed_alone_and_in_other_chunks_writes_what_it_writes_in_a_stack(strategy: str) -> None:
    together = sampled([0, 1, 2], strategy=strategy, per_prompt=2)
    alone = sampled([1], strategy=strategy, per_prompt=2, chunk=3)
    assert torch.equal(together.x[1], alone.x[0])
    assert np.array_equal(together.others["prompt"][1], alone.others["prompt"][0])


def test_prompts_are_training_blocks_drawn_once_each_and_anew_in_every_generation() -> None:
    prompts = sampled([0, 1], samples=80, per_prompt=2).others["prompt"]
    assert prompts.shape == (2, 80)
    assert all(sorted(set(of_seed.tolist())) == list(range(40)) for of_seed in prompts)
    assert all((of_seed.reshape(-1, 2)[:, 0] == of_seed.reshape(-1, 2)[:, 1]).all() for of_seed in prompts)
    assert not np.array_equal(prompts, sampled([0, 1], generation=2, samples=80, per_prompt=2).others["prompt"])


def test_a_sample_that_keeps_its_prompt_begins_with_it() -> None:
    found = sampled([0], prompt=2, keeps_prompt=True)
    assert found.x.shape == (1, 12, BLOCK)
    assert np.array_equal(found.x[0, :, :2].numpy(), REAL[found.others["prompt"][0], :2])


def test_a_sample_begins_with_the_token_that_blocks_begin_with_and_has_one_of_text_less() -> None:
    """A nucleus of one token, so that what follows a prompt is certain."""
    certain = {"strategy": "nucleus", "top_p": 1e-9}
    begun, plain = (sampled([0, 1], first_tokens=number, **certain) for number in (1, 0))
    assert torch.equal(begun.x[..., 1:], plain.x[..., :-1]) and begun.evaluations == BLOCK - 1
    assert np.array_equal(begun.x[..., 0], REAL[begun.others["prompt"], 0])
    keeps = {**certain, "prompt": 2, "keeps_prompt": True}
    begun, plain = (sampled([0, 1], first_tokens=number, **keeps) for number in (1, 0))
    assert torch.equal(begun.x, plain.x)


def test_more_prompts_than_blocks_are_refused_in_a_sentence() -> None:
    with pytest.raises(RecurateError, match="41 samples need 41 prompts, but there are 40 training blocks"):
        sampled([0], samples=41)


@pytest.mark.parametrize(
    ("settings", "samples", "message"),
    [
        ({"prompt": 7}, 10, "7 tokens do not fit into the data's blocks of 6"),
        ({"per_prompt": 3}, 10, "3 does not divide the 10 samples"),
        ({"strategy": "beam", "beams": 12}, 10, "12 are more than the 11 tokens"),
    ],
)
def test_settings_that_do_not_fit_are_refused_in_a_sentence(settings: dict, samples: int, message: str) -> None:
    from recurate.data import Description

    sampler = Continuation.model_validate({"kind": "continuation", **settings})
    with pytest.raises(ValueError, match=message):
        sampler.check_samples(Description((BLOCK,), 0, vocabulary=VOCABULARY), MODEL, samples)
