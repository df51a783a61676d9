"""VGG11 is the published network, and learns the same on every run."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from recurate.curation.judges import FittedJudge, Judge
from recurate.curation.judges.vgg11 import VGG11
from recurate.data import Description, RealData
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.foundation.randomness import JUDGE, torch_generator
from recurate.foundation.torchvision_compat import import_torchvision

torch.set_num_threads(1)
IMAGES = (32, 32, 3)
TINY = {"kind": "vgg11", "width": 0.0625, "hidden": 64, "batch_size": 20, "learning_rate": 0.02, "weight_decay": 5e-4}


def vgg11(**settings: Any) -> VGG11:
    judge = load(Judge, {**TINY, **settings})
    assert isinstance(judge, VGG11)
    return judge


def stripes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noisy coloured stripes, narrow or wide, upright or lying: four classes that a mirror leaves alone."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 4
    phase = generator.uniform(0, 2 * np.pi, (count, 1, 1))
    along = np.where((y < 2)[:, None, None], np.arange(32)[None, None, :], np.arange(32)[None, :, None])
    wave = np.sin(2 * np.pi * along / np.where(y % 2, 4, 12)[:, None, None] + phase)
    colour = generator.uniform(0.5, 1, (count, 1, 1, 3))
    x = 127 + 60 * wave[..., None] * colour + generator.normal(0, 20, (count, *IMAGES))
    return x.clip(0, 255).astype(np.uint8), y.astype(np.int64)


@pytest.fixture(scope="module")
def real() -> RealData:
    return RealData(*stripes(200, 0), *stripes(100, 1))


def test_the_published_network_has_28_149_514_parameters() -> None:
    shapes = VGG11(kind="vgg11").shapes(IMAGES, 10)
    assert sum(int(np.prod(size)) for name, size in shapes.items() if "running" not in name) == 28_149_514


def test_the_convolutional_part_is_torchvision_s_by_name_and_shape() -> None:
    import_torchvision()
    from torchvision.models import vgg11_bn

    with torch.device("meta"):
        theirs = {name: tuple(value.shape) for name, value in vgg11_bn().state_dict().items()}
    ours = VGG11(kind="vgg11").shapes(IMAGES, 10)
    assert {n: s for n, s in ours.items() if n.startswith("features.")} == {
        n: s for n, s in theirs.items() if n.startswith("features.") and not n.endswith("num_batches_tracked")
    }
    assert {n for n in ours if n.startswith("classifier.")} == {n for n in theirs if n.startswith("classifier.")}
    assert [ours[f"classifier.{number}.weight"] for number in (0, 3, 6)] == [(4096, 512), (4096, 4096), (10, 4096)]


def random_state(judge: VGG11, classes: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    state = {name: generator.normal(0, 0.3, size) for name, size in judge.shapes(IMAGES, classes).items()}
    return {n: (np.abs(v) + 0.5 if n.endswith("running_var") else v).astype(np.float32) for n, v in state.items()}


def test_logits_and_features_follow_from_the_layers_written_out() -> None:
    judge = vgg11(mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    state = random_state(judge, 5)
    x = stripes(6, 2)[0]
    p = {name: torch.from_numpy(value).double() for name, value in state.items()}
    h = torch.from_numpy(((x / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]).transpose(0, 3, 1, 2))
    for number, pooled in ((0, 1), (4, 1), (8, 0), (11, 1), (15, 0), (18, 1), (22, 0), (25, 1)):
        h = torch.nn.functional.conv2d(h, p[f"features.{number}.weight"], p[f"features.{number}.bias"], padding=1)
        scale, offset, mean, variance = (
            p[f"features.{number + 1}.{name}"][:, None, None]
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        h = (scale * (h - mean) / (variance + 1e-5).sqrt() + offset).clamp(min=0)
        h = h.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2)) if pooled else h
    h = h.mean((2, 3))
    for number in (0, 3):
        h = (h @ p[f"classifier.{number}.weight"].T + p[f"classifier.{number}.bias"]).clamp(min=0)
    expected = h @ p["classifier.6.weight"].T + p["classifier.6.bias"]
    with torch.no_grad():
        parameters = {name: torch.from_numpy(value) for name, value in state.items()}
        logits, features = judge.evaluate(parameters, torch.from_numpy(x))
    np.testing.assert_allclose(features, h, rtol=1e-4, atol=1e-4 * float(h.max()))
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))
    assert features.shape == (6, 64) and logits.shape == (6, 5)


def test_it_learns_stripes_and_the_loss_falls(real: RealData, capsys: pytest.CaptureFixture[str]) -> None:
    judge = vgg11(epochs=6)
    fitted = FittedJudge(judge, judge.fit(real, 4, torch_generator(3, 0, JUDGE)))
    losses = [float(loss) for loss in re.findall(r"mean loss (\S+)", capsys.readouterr().out)]
    assert len(losses) == 6 and losses[-1] < 0.5 * losses[0]
    assert (fitted.classify(real.test_x) == real.test_y).mean() > 0.8
    assert (fitted.parameters["features.1.running_mean"] != 0).any()
    assert {name: value.shape for name, value in fitted.parameters.items()} == judge.shapes(IMAGES, 4)
    assert {value.dtype for value in fitted.parameters.values()} == {np.dtype("float32")}
    np.testing.assert_array_equal(fitted.features(real.test_x), fitted.features(real.test_x))


def test_a_seed_gives_the_same_bytes_whatever_the_global_generator_and_leaves_it_alone(real: RealData) -> None:
    judge, found = vgg11(epochs=1), []
    for seed, number in ((5, 1), (5, 2), (6, 1)):
        torch.manual_seed(number)
        before = torch.get_rng_state()
        found.append(judge.fit(real, 4, torch_generator(seed, 0, JUDGE)))
        assert torch.equal(torch.get_rng_state(), before)
    same, other = ([found[0][n].tobytes() == found[k][n].tobytes() for n in found[0]] for k in (1, 2))
    assert all(same) and not all(other)


def test_public_parameters_load_with_or_without_their_step_counts(tmp_path: Path) -> None:
    judge = vgg11()
    state = {name: torch.from_numpy(value) for name, value in random_state(judge, 10).items()}
    counts = {n.replace("running_var", "num_batches_tracked"): torch.tensor(9) for n in state if "running_var" in n}
    for content in (state, {**counts, **state}):
        torch.save(content, path := str(tmp_path / "vgg11_bn.pt"))
        found = vgg11(weights={"path": path}).read_weights(IMAGES, 10)
        assert all(np.array_equal(found[name], value) for name, value in state.items()) and len(found) == len(state)
    with pytest.raises(RecurateError, match=r"vgg11_bn\.pt: .*'classifier\.6\.weight' has shape \(10, 64\)"):
        vgg11(weights={"path": path}).read_weights(IMAGES, 7)
    with pytest.raises(RecurateError, match=r"vgg11_bn\.pt: .*'features\.0\.weight' has shape \(4, 3, 3, 3\)"):
        vgg11(weights={"path": path}, width=1.0).read_weights(IMAGES, 10)


@pytest.mark.parametrize("shape", [(28, 28, 3), (32, 32, 1), (32, 32), (2,)])
def test_small_or_grey_images_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="needs colour images of at least 32 x 32 pixels"):
        vgg11().check(Description(shape=shape, classes=10))


def test_images_without_labels_are_refused_and_the_right_ones_taken() -> None:
    vgg11().check(Description(shape=IMAGES, classes=10))
    with pytest.raises(ValueError, match="the data have no labels"):
        vgg11().check(Description(shape=IMAGES, classes=0))
