"""Figures about text: what is drawn, and what captions say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figure_setup import arm_view, study_view

from recurate.figures import Files, effects, language, perplexities
from recurate.files.arrays import write_arrays
from recurate.foundation.errors import RecurateError

ARMS = {name: arm_view(title=title, shape=(64,)) for name, title in (("bare", "0 % real"), ("tenth", "10 % real"))}
VIEW = study_view(ARMS, generations=2, answers="a histogram.")


def measured(**metrics: float) -> dict[str, dict[str, np.ndarray]]:
    noise = np.random.default_rng(0).normal(0, 0.01, (3, 3))
    return {arm: {name: value + noise for name, value in metrics.items()} for arm in ARMS}


def histograms() -> list[list[np.ndarray]]:
    """Two arms, three generations; in the first the mass moves to the left and a tail appears."""
    generator = np.random.default_rng(0)
    stays = [np.exp(generator.normal(3, 0.5, 1000)) for _ in range(3)]
    moves = [stays[0], *(np.exp(generator.normal(3 - t, 0.5, 1000)) for t in (1, 2))]
    moves[2][:100] = 1e6
    return [moves, stays]


def test_histograms_lose_no_mass_however_far_it_lies() -> None:
    figure = perplexities.picture(ARMS, histograms())
    panels = [axes for axes in figure.axes if axes.get_title()]
    assert [axes.get_title() for axes in panels] == ["0 % real", "10 % real"]
    for axes in panels:
        steps = [patch.get_data().values for patch in axes.patches]
        assert len(steps) == 3
        assert [values.sum() for values in steps] == pytest.approx([1, 1, 1])


def test_the_caption_tells_medians_and_the_tail() -> None:
    text = perplexities.caption(VIEW, histograms())
    first = np.median(histograms()[0][0])
    assert f"0 % real: {np.median(histograms()[0][2]):.3g} from {first:.3g}, 10 %" in text
    assert "1,000 blocks of n = 3 seeds together" in text and text.endswith("Answers: a histogram.\n")


def test_blocks_of_all_batches_of_seeds_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two batches, two arms, three generations: block n of a file says whose it is."""
    files = []
    for batch, arm, t in np.ndindex(2, 2, 3):
        files.append(str(tmp_path / f"{batch}{arm}{t}.safetensors"))
        write_arrays(files[-1], {"block_perplexity": np.full((1, 4, 1), 100 * batch + 10 * arm + t + 1.0)}, {})
    seen: list[Any] = []
    monkeypatch.setattr(perplexities, "picture", lambda arms, pooled: seen.append(pooled))
    perplexities.Perplexities(kind="perplexities").draw(VIEW, Files(features=files))
    found = [[sorted(set(values)) for values in of_arm] for of_arm in seen[0]]
    assert found == [[[1, 101], [2, 102], [3, 103]], [[11, 111], [12, 112], [13, 113]]]


def test_a_panel_for_each_metric_that_was_measured() -> None:
    figure = language.picture(ARMS, measured(test_perplexity=30.0, distinct_1=0.2, reward_mean=1.0))
    assert [axes.get_title() for axes in figure.axes if axes.axison] == [
        "test perplexity (64 tokens)",
        "distinct tokens",
    ]
    text = language.caption(VIEW, measured(test_perplexity=30.0, distinct_1=0.2))
    assert "10 % real 30 (from 30)" in text and "distinct-1" in text


def test_a_study_without_metrics_of_text_is_told_so() -> None:
    with pytest.raises(RecurateError, match="nothing is measured of texts"):
        language.picture(ARMS, measured(reward_mean=1.0))


def test_perplexities_say_how_many_tokens_they_are_predicted_from() -> None:
    sentence = "from those before it in its block of 64 tokens; perplexities with other contexts do not compare."
    assert sentence in language.caption(VIEW, measured(test_perplexity=30.0))
    assert sentence not in language.caption(VIEW, measured(distinct_1=0.2))
    assert sentence in perplexities.caption(VIEW, histograms())
    labels = [axes.get_xlabel() for axes in perplexities.picture(ARMS, histograms()).axes]
    assert "perplexity of a block\n(64 tokens)" in labels


def test_perplexities_of_blocks_of_two_sizes_are_not_drawn_together() -> None:
    arms = {**ARMS, "long": arm_view(shape=(1024,))}
    view = study_view(arms, features=["block_perplexity"], metrics=[{"kind": "held_out_prediction", "space": None}])
    for figure in (language.Language(kind="language"), perplexities.Perplexities(kind="perplexities")):
        with pytest.raises(ValueError, match="perplexities of blocks of 64 and 1024 tokens do not compare"):
            figure.check(view)


def test_effects_on_perplexities_say_their_tokens_too() -> None:
    arms = {"curated": arm_view(shape=(64,), choices=4, control="bare"), "bare": arm_view(shape=(64,))}
    of_arms = {arm: {"test_perplexity": np.arange(9.0).reshape(3, 3) + place} for place, arm in enumerate(arms)}
    view = study_view(arms, generations=2)
    assert "in its block of 64 tokens" in effects.caption(view, of_arms)
    titles = [axes.get_title() for axes in effects.picture(arms, of_arms, {}).axes]
    assert " ".join(titles[0].split()) == "test perplexity (64 tokens)"
