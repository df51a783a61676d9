"""An image classifier of the transformers library, read from its folder."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from pydantic import Field, model_validator

from recurate.curation.judges import Judge, Shapes
from recurate.foundation.json_files import settings_in
from recurate.foundation.lazy import torch
from recurate.foundation.model_libraries import imported, read

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description, RealData
    from recurate.foundation.types import Array

UNSAID = {"0": "LABEL_0", "1": "LABEL_1"}  # what the library takes where a model says nothing
LIBRARY = ("transformers", "pretrained")  # and the environment that has it
CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"


class ImageProcessor(Protocol):
    """What the library makes of a folder's preparation of images."""

    def __call__(self, *, images: list[Tensor], return_tensors: str) -> dict[str, Tensor]:
        """Under `pixel_values`, images (n, 3, height, width) as the network takes them."""


class ImageClassifier(Judge):
    """`AutoModelForImageClassification` as it was saved, with its own preparation of images; it is not trained here.

    Class k of the data is its class k. Grey images become colour ones of three equal channels. Features are what its
    last layer reads. Weights are read from safetensors only, and no code that comes with a model is run.
    """

    wants_gpu: ClassVar[bool] = True
    is_pretrained: ClassVar[bool] = True

    folder: str = Field(description=f"folder with {CONFIG}, {PREPROCESSOR} and weights in safetensors")

    @property
    def files(self) -> tuple[str, ...]:
        folder = Path(self.folder)
        named = [folder / name for name in (CONFIG, PREPROCESSOR) if (folder / name).is_file()]
        return (*super().files, *map(str, named), *map(str, sorted(folder.glob("*.safetensors"))))

    @cached_property
    def _labels(self) -> list[str]:
        """Names of its classes, in their order."""
        labels = settings_in("folder", Path(self.folder, CONFIG)).get("id2label", UNSAID)
        return [str(name) for name in labels.values()] if isinstance(labels, dict) else []

    @model_validator(mode="after")
    def _is_such_a_model(self) -> ImageClassifier:
        _ = self._labels
        settings_in("folder", Path(self.folder, PREPROCESSOR))
        if not any(Path(self.folder).glob("*.safetensors")):
            raise ValueError(f"folder: {self.folder} has no weights in safetensors; save it with save_pretrained")
        return self

    def check(self, data: Description) -> None:
        if len(data.shape) != 3 or data.shape[2] not in (1, 3):
            raise ValueError(f"needs images (height, width, channels), the data have shape {data.shape}")
        if len(self._labels) != data.classes:
            raise ValueError(
                f"folder: the model in {self.folder} has {len(self._labels)} classes, the data {data.classes}"
            )
        ours, theirs = ([name.lower() for name in names] for names in (data.class_names, self._labels))
        if sorted(ours) == sorted(theirs) and ours != theirs:
            raise ValueError(
                f"folder: the model in {self.folder} has its classes in another order, {', '.join(self._labels)}; "
                "number the data's classes so"
            )

    def shapes(self, shape: tuple[int, ...], classes: int) -> Shapes:
        return {name: tuple(value.shape) for name, value in _numbers(_network(self.folder, "cpu")).items()}

    def fit(self, real: RealData, classes: int, generator: Generator, device: str = "cpu") -> dict[str, Array]:
        library = imported(*LIBRARY)
        options = {"use_safetensors": True, "dtype": torch.float32, "local_files_only": True}
        network = read(
            f"judge: {self.folder}",
            lambda: library.AutoModelForImageClassification.from_pretrained(self.folder, **options),
        )
        return {name: value.detach().numpy() for name, value in _numbers(network).items()}

    def evaluate(self, parameters: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
        images = x.permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
        prepared = _preparation(self.folder)(images=list(images), return_tensors="pt")["pixel_values"]
        network = _network(self.folder, str(x.device))
        read: list[Tensor] = []
        with _last_layer(network).register_forward_pre_hook(lambda _, inputs: read.append(inputs[0])):
            logits = torch.func.functional_call(network, parameters, (prepared,)).logits
        return logits, read[0].flatten(1)


def _numbers(network: torch.nn.Module) -> dict[str, Tensor]:
    """Parameters and running averages, by name; not counts of steps, which do not enter its results."""
    return {name: value for name, value in network.state_dict().items() if value.is_floating_point()}


def _last_layer(network: torch.nn.Module) -> torch.nn.Module:
    """The layer that gives the logits."""
    return [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]


@cache
def _network(folder: str, device: str) -> torch.nn.Module:
    """The network without its weights, which come with every call."""
    library = imported(*LIBRARY)
    with torch.random.fork_rng(devices=[]):
        config = library.AutoConfig.from_pretrained(folder, local_files_only=True)
        network = library.AutoModelForImageClassification.from_config(config, dtype=torch.float32)
    return network.to(device).eval()


@cache
def _preparation(folder: str) -> ImageProcessor:
    """What the library does with images before the network sees them."""
    return imported(*LIBRARY).AutoImageProcessor.from_pretrained(folder, use_fast=True, local_files_only=True)
