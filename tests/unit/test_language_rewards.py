"""Rewards, metrics and features of text, and curation among the answers to a prompt."""

from __future__ import annotations

import copy
import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from language_setup import BLOCK, VOCABULARY, fitted, tokens
from study_setup import changed
from theory_setup import check_arm, forecast

from recurate.curation.bradley_terry import BradleyTerry
from recurate.curation.parts.keep_operator import KeepOperator, without_replacement
from recurate.curation.parts.reward_moments import variance_of_answers
from recurate.curation.rewards.distinct_words import DistinctWords
from recurate.curation.rewards.length import Length
from recurate.curation.rewards.lexicon import Lexicon
from recurate.curation.rewards.log_likelihood import LogLikelihood
from recurate.data import Description
from recurate.foundation.errors import RecurateError
from recurate.measuring.features.block_perplexity import BlockPerplexity
from recurate.measuring.metrics import Evidence, Space
from recurate.measuring.metrics.distinct_ngrams import DistinctNgrams
from recurate.measuring.metrics.held_out_prediction import HeldOutPrediction
from recurate.measuring.metrics.perplexity_spread import PerplexitySpread
from recurate.models.parts.likelihood import log_likelihood
from recurate.study.trained import Study
from recurate.theory.claims import ClosedLoop
from recurate.theory.forecast import statistics

TEXTS = np.array(["The cat saw the CAT.", "", "sun-lit sun"], dtype=object)


def test_text_rewards_by_hand() -> None:
    assert DistinctWords(kind="distinct_words", gamma=2.0)(TEXTS, None).tolist() == pytest.approx([1.2, 0.0, 2.0])
    assert Length(kind="length", enough=10)(TEXTS, None).tolist() == pytest.approx([1.0, 0.0, 1.0])
    assert Length(kind="length", enough=22)(TEXTS, None).tolist() == pytest.approx([20 / 22, 0.0, 0.5])
    liked = Lexicon(kind="lexicon", liked=["sun-lit", "cat"])
    assert liked(TEXTS, None).tolist() == pytest.approx([2 / 5, 0.0, 1 / 2])


def test_the_same_words_are_the_same_settings_in_any_order() -> None:
    given = [Lexicon(kind="lexicon", liked=liked) for liked in (["sun", "a", "cat"], ["cat", "sun", "a", "cat"])]
    assert [each.model_dump(mode="json")["liked"] for each in given] == [["a", "cat", "sun"]] * 2


def test_a_lexicon_refuses_what_it_would_never_find() -> None:
    with pytest.raises(ValueError, match="'Cat' is not one word in lower case"):
        Lexicon.model_validate({"kind": "lexicon", "liked": ["Cat"]})


def test_the_likelihood_reward_is_one_over_perplexity() -> None:
    x = tokens(7, BLOCK).numpy().astype(np.int32)
    reward = LogLikelihood(kind="log_likelihood")
    assert reward.supremum == 0 and (reward(x, fitted()) <= 0).all()
    perplexity = BlockPerplexity(kind="block_perplexity").extract(x, fitted(), "cpu")
    np.testing.assert_allclose(np.exp(-reward(x, fitted())), perplexity[:, 0], rtol=1e-5)


def test_share_of_distinct_ngrams_by_hand() -> None:
    x = np.array([[1, 2, 1, 2], [1, 2, 1, 3]], dtype=np.int32)
    evidence = Evidence(x, x, np.random.default_rng(0), vocabulary=6)
    found = DistinctNgrams(kind="distinct_ngrams")(evidence)
    assert found == pytest.approx(
        {
            "distinct_1": 3 / 8,
            "distinct_2": len({(1, 2), (2, 1), (1, 3)}) / 6,
            "distinct_3": len({(1, 2, 1), (2, 1, 2), (2, 1, 3)}) / 4,
            "vocabulary_share": 3 / 6,
            "distinct_samples": 2,
        }
    )


def test_a_prompt_that_samples_keep_is_generated_by_nobody_and_does_not_count() -> None:
    """Costs after the prompt, token by token from the model's own logits; n-grams of what follows, by hand."""
    x = tokens(20, BLOCK).numpy().astype(np.int32)
    x[:, :4] = x[0, :4]
    scorer = fitted()
    told = BlockPerplexity(kind="block_perplexity").without_prompt(4)
    found = told.extract(x, scorer, "cpu")[:, 0]
    for block, perplexity in zip(x, found, strict=True):
        costs = []
        for place in (4, 5):
            before = torch.from_numpy(block[:place]).long()[None, None]
            with torch.no_grad():
                logits = scorer.model.logits(scorer.parameters, before)[0, 0, -1]  # type: ignore[attr-defined]
            costs.append(-torch.log_softmax(logits, 0)[block[place]].item())
        assert perplexity == pytest.approx(np.exp(np.mean(costs)), rel=1e-4)
    whole = BlockPerplexity(kind="block_perplexity").extract(x, scorer, "cpu")[:, 0]
    assert not np.allclose(whole, found, rtol=1e-2)
    texts = np.array([[9, 9, 9, 1, 2, 1], [9, 9, 9, 1, 2, 3]], dtype=np.int32)
    evidence = Evidence(texts, texts, np.random.default_rng(0), vocabulary=10, given=3)
    values = DistinctNgrams(kind="distinct_ngrams")(evidence)
    assert [values[f"distinct_{n}"] for n in (1, 2, 3)] == [3 / 6, 3 / 4, 1] and values["vocabulary_share"] == 3 / 10


def test_test_perplexity_is_exp_of_the_mean_cost_of_held_out_blocks() -> None:
    real = tokens(9, BLOCK).numpy().astype(np.int32)
    evidence = Evidence(real[:0], real, np.random.default_rng(0), model=fitted())
    found = HeldOutPrediction(kind="held_out_prediction")(evidence)
    assert found["test_perplexity"] == pytest.approx(np.exp(-log_likelihood(fitted(), real).mean()))
    assert 0 <= found["predictive_entropy"] <= np.log(VOCABULARY)
    assert found["perplexity_context"] == BLOCK


def test_spread_of_perplexities_is_over_blocks() -> None:
    x = np.arange(1, 102, dtype=np.float32)[:, None]
    space = Space("block_perplexity", x, x[:0], x[:0], reference_is_training=False)
    texts = np.zeros((len(x), BLOCK), dtype=np.int32)
    evidence = Evidence(texts, texts, np.random.default_rng(0), {"block_perplexity": space})
    expected = {"mean": 51, "low": 6, "median": 51, "high": 96}
    found = PerplexitySpread(kind="perplexity_spread")(evidence)
    assert found.pop("perplexity_context") == BLOCK
    assert found == pytest.approx({f"block_perplexity_{k}": v for k, v in expected.items()})


# Curation among the answers to a prompt

PROMPTS = np.array([7, 3, 7, 3, 7, 3])
REWARDS = np.array([0.0, 1.0, 1.0, 0.5, 2.0, -1.0])


def people(choices: float, kept: int) -> BradleyTerry:
    return BradleyTerry.model_validate({"kind": "bradley_terry", "choices": choices, "kept": kept, "among": "prompt"})


def shares_by_enumeration(rewards: np.ndarray, choices: int) -> np.ndarray:
    """Probability that each of the answers is kept, over all sets of `choices` different ones."""
    sets = list(itertools.combinations(range(len(rewards)), choices))
    shares = np.zeros(len(rewards))
    for shown in map(list, sets):
        shares[shown] += np.exp(rewards[shown]) / np.exp(rewards[shown]).sum() / len(sets)
    return shares


@pytest.mark.parametrize("choices", [1, 2, 3])
def test_people_choose_among_answers_to_one_prompt_as_enumeration_says(choices: int) -> None:
    kept = people(choices, 60_000).keep(REWARDS, np.random.default_rng(0), PROMPTS).kept
    found = np.bincount(kept, minlength=6) / len(kept)
    for prompt in (3, 7):
        rows = np.flatnonzero(prompt == PROMPTS)
        assert found[rows].sum() == pytest.approx(0.5)
        np.testing.assert_allclose(2 * found[rows], shares_by_enumeration(REWARDS[rows], choices), atol=0.01)


def test_as_many_choices_as_prompts_keep_one_answer_of_each() -> None:
    kept = people(3, 2).keep(REWARDS, np.random.default_rng(1), PROMPTS).kept
    assert sorted(PROMPTS[kept]) == [3, 7]


def test_the_forecast_goes_prompt_by_prompt() -> None:
    """Each prompt's answers have the weights that the loop on them alone gives, and no prompt gains on another."""
    together = list(forecast(REWARDS, 2, 0.25, 3, prompts=PROMPTS))
    for prompt in (3, 7):
        rows = np.flatnonzero(prompt == PROMPTS)
        weights, operator = np.full(3, 1 / 3), KeepOperator(REWARDS[rows], 2)
        for generation, all_weights in enumerate(together):
            np.testing.assert_allclose(2 * all_weights[rows], weights, rtol=1e-9)
            kept = weights * operator.ratio(weights) if generation else shares_by_enumeration(REWARDS[rows], 2)
            weights = 0.25 / 3 + 0.75 * kept


@pytest.mark.parametrize(("count", "choices"), [(4, 1), (4, 3), (4, 4), (4, math.inf), (9, 5)])
@pytest.mark.parametrize("scale", [1.0, 30.0, 300.0])
def test_the_first_generation_of_the_forecast_is_enumeration_of_different_answers(
    count: int, choices: float, scale: float
) -> None:
    rewards = scale * np.random.default_rng(count).normal(size=count)
    shares = shares_by_enumeration(rewards - rewards.max(), int(min(choices, count)))
    np.testing.assert_allclose(without_replacement(rewards, choices), count * shares, atol=1e-12)


def test_fewer_answers_than_choices_are_refused() -> None:
    with pytest.raises(RecurateError, match="choices is 5, but there are only 4 samples"):
        without_replacement(np.zeros(4), 5)


def test_four_answers_give_the_first_generation_of_the_law_and_less_of_later_ones() -> None:
    """Rewards with a standard deviation of 1 within a prompt: means of 2,000 prompts, and one with 10,000."""
    rng = np.random.default_rng(0)

    def mean(answers: int, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        rewards = np.minimum(rng.normal(-2.0, 1.0, size=answers * prompts), 0.0)
        numbers = np.repeat(np.arange(prompts), answers)
        of_prompts = [
            prompts * (weights * np.exp(rewards)).reshape(prompts, answers).sum(axis=1)
            for weights in forecast(rewards, 4, 0.0, 4, prompts=numbers)
        ]
        return np.mean(of_prompts, axis=1), np.std(of_prompts, axis=1) / math.sqrt(prompts)

    (law, _), (found, error) = mean(10_000, 1), mean(4, 2_000)
    assert abs(found[1] - law[1]) < 3 * error[1]
    assert (law[2:] - found[2:] > 5 * error[2:]).all()


def test_the_lemma_holds_with_the_variance_among_answers_and_not_with_that_of_all() -> None:
    """Where prompts differ and answers do not, nobody has a choice, and nothing may be promised."""
    rewards, prompts = np.array([-2.0, -2.0, 0.0, 0.0]), np.array([0, 0, 1, 1])
    values: dict[str, list[float]] = {}
    for weights in forecast(rewards, 2, 0.0, 2, prompts=prompts):
        found = statistics(weights, rewards, 0.0)
        found["exp_reward_variance_of_answers"] = variance_of_answers(rewards, 0.0, prompts, weights)
        for name, value in found.items():
            values.setdefault(name, []).append(value)
    arrays = {name: np.array([value]) for name, value in values.items()}
    verdicts = {
        by_prompt: check_arm(
            ClosedLoop("s", "a", 2, 0.0, "replace", by_prompt=by_prompt), arrays, "forecast", ["lemma_2_2"]
        )
        for by_prompt in (False, True)
    }
    assert [row["verdict"] for row in verdicts[True]] == ["supported", "supported"]
    assert [row["verdict"] for row in verdicts[False]] == ["contradicted", "contradicted"]


def test_variance_among_answers_is_the_mean_over_prompts() -> None:
    scaled = np.exp(REWARDS - 2)
    expected = np.mean([scaled[prompt == PROMPTS].var(ddof=1) for prompt in (3, 7)])
    assert variance_of_answers(REWARDS, 2.0, PROMPTS) == pytest.approx(expected)
    equal = np.full(6, 1 / 6)
    assert variance_of_answers(REWARDS, 2.0, PROMPTS, equal) == pytest.approx(expected * 2 / 3)
    assert variance_of_answers(REWARDS[:2], 2.0, PROMPTS[:2]) == 0


@pytest.mark.parametrize("each", [2, 3, 4])
def test_variance_among_a_few_answers_is_on_average_that_of_their_law(each: int) -> None:
    """Over all sets of independent answers to a prompt, from a law of three rewards."""
    law = {-2.0: 0.5, -0.3: 0.3, 0.0: 0.2}
    mean = sum(share * np.exp(reward) for reward, share in law.items())
    expected = sum(share * (np.exp(reward) - mean) ** 2 for reward, share in law.items())
    prompts, average = np.zeros(each, int), 0.0
    for rewards in itertools.product(law, repeat=each):
        probability = np.prod([law[reward] for reward in rewards])
        average += probability * variance_of_answers(np.array(rewards), 0.0, prompts)
    assert average == pytest.approx(expected, rel=1e-12)


# What does not fit is refused before anything runs

TEXT_DATA = {"kind": "text", "corpus": "brown", "tokenizer": {"kind": "bpe", "vocabulary": 300}, "block": 16}
TEXT_ORIGIN: tuple[tuple[str, Any], ...] = (
    ("origins.gaussians.data", TEXT_DATA),
    ("origins.gaussians.model", {"kind": "transformer", "vocabulary": 300, "context": 16, "width": 8, "heads": 2}),
    ("origins.gaussians.objective", {"kind": "next_token"}),
    ("origins.gaussians.sampler", {"kind": "continuation", "per_prompt": 4}),
    ("arms.curated.reward", {"kind": "log_likelihood"}),
)


def text_origin() -> tuple[tuple[str, Any], ...]:
    """Changes that make a study one of text; a copy, because later changes go into these mappings."""
    return copy.deepcopy(TEXT_ORIGIN)


def test_a_text_study_is_accepted() -> None:
    Study.model_validate(changed(*text_origin()))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("arms.curated.reward", {"kind": "clipped_distance", "target": [1.0, 2.0]}), "the data have shape"),
        (("arms.curated.reward", {"kind": "class_probability"}), "needs a judge"),
        (("origins.gaussians.data", {**TEXT_DATA, "block": 32}), "16 tokens are fewer than the 32"),
        (("origins.gaussians.model", {"kind": "mlp"}), "next_token needs a language model, the model mlp is a vector"),
        (("arms.curated.curation.choices", 200), "200 is more than the 100 samples"),
        (("origins.gaussians.sampler.per_prompt", 3), "3 does not divide the 100 samples"),
    ],
)
def test_parts_that_do_not_fit_text_are_refused(change: tuple[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Study.model_validate(changed(*text_origin(), change))


@pytest.mark.parametrize("kind", ["log_likelihood", "length", "distinct_words", "lexicon"])
def test_rewards_for_text_are_refused_elsewhere(kind: str) -> None:
    needed: dict[str, Any] = {"length": {"enough": 5}, "lexicon": {"liked": ["good"]}}.get(kind, {})
    with pytest.raises(ValueError, match=r"it is for text|needs a language model"):
        Study.model_validate(changed(("arms.curated.reward", {"kind": kind, **needed})))


def test_more_choices_than_answers_to_a_prompt_are_refused() -> None:
    curation = {"kind": "bradley_terry", "choices": 5, "kept": 10, "among": "prompt"}
    with pytest.raises(ValueError, match="5 is more than the 4"):
        Study.model_validate(changed(*text_origin(), ("arms.curated.curation", curation)))
    with pytest.raises(ValueError, match="answers no prompts"):
        Study.model_validate(changed(("arms.curated.curation", curation)))


def test_fewer_generated_tokens_than_an_n_gram_has_are_refused() -> None:
    sampler = {"kind": "continuation", "per_prompt": 4, "prompt": 14, "keeps_prompt": True}
    study = (*text_origin(), ("metrics", [{"kind": "distinct_ngrams"}]))
    Study.model_validate(changed(*study, ("origins.gaussians.sampler", {**sampler, "prompt": 13})))
    with pytest.raises(ValueError, match="needs 3 generated tokens a sample, there are 2"):
        Study.model_validate(changed(*study, ("origins.gaussians.sampler", sampler)))


def test_metrics_of_text_are_refused_elsewhere() -> None:
    points = Description(shape=(2,), classes=2)
    for metric in (DistinctNgrams(kind="distinct_ngrams"), HeldOutPrediction(kind="held_out_prediction")):
        with pytest.raises(ValueError, match="needs text"):
            metric.check(points)
