"""What is measured in a process of its own, for its time or its peak memory: imports stand where they are needed.

    python scripts/bench/alone.py FUNCTION ARGUMENTS

prints the result of a function of this module as JSON; the arguments are a JSON object.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "tests/unit")]

if TYPE_CHECKING:
    from recurate.foundation.types import Array

MANIFOLD_NAMES = ("precision", "recall", "density", "coverage")


def forecast(samples: int, choices: int, generations: int) -> float:
    """Seconds of a forecast of curation alone."""
    import numpy as np

    from recurate.curation.bradley_terry import BradleyTerry
    from recurate.theory.forecast import forecast, infinite

    rewards = -np.random.default_rng(0).exponential(2.0, samples)
    begin = time.perf_counter()
    operator = BradleyTerry(kind="bradley_terry", choices=choices, kept=samples).operator(rewards)
    for _ in forecast(operator, samples, infinite(None, 0.0), generations):
        pass
    return time.perf_counter() - begin


def frechet(samples: int, features: int, runs: int) -> list[float]:
    """clean-fid's time over ours for the Fréchet distance to a reference that is kept.

    Raises AssertionError if the two do not agree.
    """
    import numpy as np
    from other_ways import import_cleanfid

    from recurate.measuring.metrics.parts.frechet_distance import factor, frechet_distance, moments

    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((features, features)))[0]

    def gaussian(shift: float) -> tuple[Array, Array]:
        x = rng.standard_normal((samples, features), dtype=np.float32)
        x *= np.arange(1, features + 1, dtype=np.float32) ** -(0.5 + shift)
        mean, covariance = moments(x + np.float32(shift))
        return rotation.T @ mean, rotation.T @ covariance @ rotation

    (mean, covariance), reference = gaussian(0.0), gaussian(0.02)
    root, clean_fid, ratios = factor(reference[1]), import_cleanfid(), []
    for _ in range(runs):
        begin = time.perf_counter()
        theirs = clean_fid.frechet_distance(mean, covariance, *reference)
        between = time.perf_counter()
        ours = frechet_distance(mean, covariance, reference[0], root)
        assert abs(ours / theirs - 1) < 1e-6, (ours, theirs)
        ratios.append((between - begin) / (time.perf_counter() - between))
    return ratios


def prdc(samples: int, features: int, neighbours: int) -> tuple[float, list[float]]:
    """Seconds of the package prdc, and its precision, recall, density and coverage."""
    from prdc import compute_prdc

    x, real = _clouds(samples, features)
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        values = compute_prdc(real, x, neighbours)
    return time.perf_counter() - begin, [float(values[name]) for name in MANIFOLD_NAMES]


def manifolds(samples: int, features: int, neighbours: int) -> tuple[float, list[float]]:
    """Seconds of ours, and our precision, recall, density and coverage."""
    from recurate.measuring.metrics.parts.neighbours import manifolds

    x, real = _clouds(samples, features)
    begin = time.perf_counter()
    values = asdict(manifolds(x, real, neighbours))
    return time.perf_counter() - begin, [float(values[name]) for name in MANIFOLD_NAMES]


def _clouds(samples: int, features: int) -> tuple[Array, Array]:
    import numpy as np

    rng = np.random.default_rng(0)
    x = rng.standard_normal((samples, features), dtype=np.float32)
    return x, rng.standard_normal((samples, features), dtype=np.float32) * np.float32(1.02)


def write_generation(folder: Path, images: int, features: int) -> None:
    """Write what `measured` reads: a generation of one seed with so many images, a fifth as many of them held out."""
    import numpy as np

    from recurate.files.arrays import write_arrays
    from recurate.measuring.metrics.parts.frechet_distance import factor, moments

    rng = np.random.default_rng(0)
    parts = {"train": images, "test": images // 5}
    real = {f"{part}_x": rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8) for part, n in parts.items()}
    write_arrays(folder / "real.safetensors", real, {})
    write_arrays(folder / "samples.safetensors", {"x": real["train_x"][None]}, {})
    curated: dict[str, Array] = {"reward": np.zeros((1, images), np.float32), "index": np.zeros((1, 1), np.int64)}
    write_arrays(folder / "curated.safetensors", curated, {})
    scale = np.arange(1, features + 1, dtype=np.float32) ** -0.5
    drawn = {part: scale * rng.standard_normal((n, features), np.float32) for part, n in parts.items()}
    mean, covariance = moments(drawn["train"])
    drawn |= {"mean": mean, "factor": factor(covariance)}
    near = {"rest": drawn["train"][:0], "held_out_nearest": np.linspace(0, 1, parts["test"])}
    write_arrays(folder / "nearness.safetensors", {f"inception/{name}": array for name, array in near.items()}, {})
    reference = {f"inception/{name}": array for name, array in drawn.items()}
    write_arrays(folder / "reference.safetensors", reference, {})
    of_samples = scale * rng.standard_normal((1, images, features), np.float32)
    write_arrays(folder / "features.safetensors", {"inception": of_samples}, {})


def measured(folder: str, metrics: list[dict[str, str | int]]) -> float:
    """Seconds of the script that measures, for the files of a generation in `folder`."""
    import measure
    from recurate.stages.measure import Reads

    spec = Reads.model_validate(
        {
            "metrics": metrics,
            "reference": {"split": "train"},
            "classes": 0,
            "supremum": 0.0,
            "components": (),
            "vocabulary": 0,
            "given": 0,
            "model": None,
        }
    )
    paths = {
        name: f"{folder}/{name}.safetensors"
        for name in ("real", "samples", "curated", "features", "reference", "nearness")
    }
    begin = time.perf_counter()
    measure.main(
        metrics=f"{folder}/metrics.csv",
        spec=spec,
        study="bench",
        arm="bench",
        seeds=[0],
        generation=0,
        threads=2,
        model=None,
        device="cpu",
        **paths,
    )
    return time.perf_counter() - begin


def save_tokenizer(text: str, folder: Path) -> None:
    """Write a tokenizer, given as JSON, as the transformers library saves one."""
    from recurate.foundation.torchvision_compat import import_torchvision

    import_torchvision()
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(text)).save_pretrained(folder)


def prepared(corpus: str, tokenizer: dict[str, str | int]) -> float:
    """Seconds of the script that prepares real data, for blocks of 64 tokens of a folder of texts."""
    import tempfile

    import prepare_real
    from recurate.stages.prepare_real import Reads

    data = {"kind": "text", "corpus": corpus, "tokenizer": tokenizer, "block": 64}
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        prepare_real.main(
            real=f"{folder}/real.safetensors",
            card=f"{folder}/real.json",
            spec=Reads.model_validate({"data": data}),
            code="",
            data_folders={},
            raw=None,
        )
        return time.perf_counter() - begin


def encoded(corpus: str, tokenizer: dict[str, str | int], size: int) -> tuple[float, float]:
    """Seconds for the tokens of the first `size` characters of a text, by the library as a whole and by ours.

    Raises AssertionError if the tokens differ.
    """
    import numpy as np
    from tokenizers import Tokenizer as Fast

    from recurate.data.parts.tokenization import Codec, Tokenizer

    with (Path(corpus) / "wiki.train.raw").open(encoding="utf-8") as file:
        text = file.read(size)
    json_of = Tokenizer.model_validate(tokenizer).fit([[text]])
    codec, library = Codec(json_of), Fast.from_str(json_of)
    begin = time.perf_counter()
    ours = np.concatenate(list(codec.encode([text[start : start + 2**16] for start in range(0, len(text), 2**16)])))
    between = time.perf_counter()
    theirs = library.encode(text, add_special_tokens=False).ids
    end = time.perf_counter()
    assert np.array_equal(ours, theirs), "the tokens of the cut text are not those of the whole"
    return end - between, between - begin


if __name__ == "__main__":
    function, arguments = globals()[sys.argv[1]], json.loads(sys.argv[2])
    print(json.dumps(function(**arguments)))
