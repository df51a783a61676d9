"""The loop on real text: the Brown corpus fetched, verified and turned once, cut down to a minute."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tiny import Copy, fresh

from recurate.data.parts.tokenization import Codec
from recurate.files.arrays import read_arrays, read_metadata

pytestmark = pytest.mark.workflow

TRAINING = {"batch_size": 8, "learning_rate": 4.0e-3, "gradient_clip": 1.0}
STUDY: dict[str, Any] = {
    "generations": 1,
    "seeds": 2,
    "origins": {
        "brown": {
            "data": {
                "kind": "text",
                "corpus": "brown",
                "tokenizer": {"kind": "bpe", "vocabulary": 300},
                "block": 16,
                "train": 1000,
                "test": 100,
            },
            "model": {"kind": "transformer", "vocabulary": 300, "context": 16, "width": 16, "heads": 2, "blocks": 1},
            "objective": {"kind": "next_token"},
            "training": {"steps": 300, **TRAINING},
            "sampler": {"kind": "continuation", "per_prompt": 4},
            "samples": 200,
        }
    },
    "arm_defaults": {
        "origin": "brown",
        "reward": {"kind": "length", "enough": 60, "gamma": 10.0},
        "curation": {"kind": "bradley_terry", "choices": 4, "kept": 100, "among": "prompt"},
        "mixing": {"lambda": float("inf")},
        "retraining": {"start": "origin", "steps": 100, **TRAINING},
    },
    "arms": {
        "curated": {},
        "mixed": {"mixing": {"real_fraction": 0.5}, "reward": {"kind": "log_likelihood"}},
        "searched": {
            "sampler": {"kind": "continuation", "strategy": "beam", "beams": 4, "per_prompt": 4},
            "reward": {"kind": "log_likelihood"},
        },
    },
    "features": [{"kind": "block_perplexity"}],
    "metrics": [{"kind": "perplexity_spread"}, {"kind": "held_out_prediction"}, {"kind": "distinct_ngrams"}],
    "figures": ["trajectory", "language", "perplexities"],
}


@pytest.fixture(scope="module")
def brown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    """The study, built once."""
    copy = fresh(tmp_path_factory.mktemp("language") / "project")
    copy.study(**STUDY)
    done = copy.snakemake("tiny")
    assert done.returncode == 0, done.stdout
    yield copy
    shutil.rmtree(copy.folder)


def metrics(copy: Copy) -> dict[tuple[str, int, str], float]:
    """Values of seed 0."""
    with (copy.folder / "results/tiny/metrics.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["seed"] == "0"]
    return {(row["arm"], int(row["generation"]), row["metric"]): float(row["value"]) for row in rows}


def test_blocks_are_english_and_the_corpus_lies_in_the_data_folder(brown: Copy) -> None:
    real = brown.folder / "results/tiny/origins/brown/real.safetensors"
    arrays, codec = read_arrays(real), Codec(read_metadata(real)["tokenizer"])
    assert arrays["train_x"].shape == (1000, 16) and arrays["test_x"].shape == (100, 16)
    assert " the " in " ".join(codec.decode(arrays["train_x"]))
    raw = read_arrays(brown.folder / "data/brown.safetensors")
    assert len(raw["train_y"]) == 450 and len(raw["test_y"]) == 50
    assert raw["train_x"].tobytes().startswith(b"The Fulton County Grand Jury said Friday")


def test_training_on_own_texts_makes_real_text_less_likely(brown: Copy) -> None:
    values = metrics(brown)
    perplexity = {arm: [values[arm, t, "test_perplexity"] for t in range(2)] for arm in ("curated", "mixed")}
    assert perplexity["curated"][0] == perplexity["mixed"][0] < 300
    assert perplexity["curated"][1] > perplexity["curated"][0]
    assert perplexity["curated"][1] > perplexity["mixed"][1]


def test_people_choose_among_the_answers_to_one_prompt(brown: Copy) -> None:
    folder = brown.folder / "results/tiny/arms/curated/seeds-0-1/gen-000"
    curated = read_arrays(folder / "curated.safetensors")
    for prompts, index in zip(curated["prompt"], curated["index"], strict=True):
        assert np.unique(prompts, return_counts=True)[1].tolist() == [4] * 50
        assert np.unique(prompts[index], return_counts=True)[1].tolist() == [2] * 50
    values = metrics(brown)
    assert values["curated", 0, "curation_reward_after"] > values["curated", 0, "curation_reward_before"]


def test_the_claims_hold_on_every_forecast(brown: Copy) -> None:
    with (brown.folder / "results/tiny/claims.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == "forecast"]
    verdicts = {(row["arm"], row["claim"]): row["verdict"] for row in rows}
    assert verdicts["curated", "lemma_2_2"] == verdicts["mixed", "theorem_2_3"] == "supported"
    assert "contradicted" not in verdicts.values()
    assert not {arm for arm, _ in verdicts} - {"curated", "mixed"}  # a search gives no samples of what was learnt


def test_a_search_finds_likelier_texts_than_chance(brown: Copy) -> None:
    values = metrics(brown)
    found = {arm: values[arm, 0, "block_perplexity_mean"] for arm in ("curated", "searched")}
    assert found["searched"] < found["curated"]


def test_pictures_are_drawn_and_a_changed_reward_trains_no_origin(brown: Copy) -> None:
    for figure in STUDY["figures"]:
        assert (brown.folder / f"results/tiny/figures/{figure}.png").stat().st_size > 10_000
    changed = {**STUDY["arm_defaults"], "reward": {"kind": "length", "enough": 40}}
    brown.study(**{**STUDY, "arm_defaults": changed})
    planned = brown.planned()
    brown.study(**STUDY)
    assert planned["curate"] == 2 and planned["train_arm"] == 1
    assert not {"train_origin", "sample_origin", "extract_origin", "real_data"} & set(planned)
