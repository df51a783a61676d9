"""The network of an image pipeline of the diffusers library, read from its folder."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from recurate.foundation.json_files import settings_in
from recurate.foundation.lazy import np, torch
from recurate.foundation.model_libraries import imported, read
from recurate.foundation.quoting import quoted
from recurate.models import NoiseModel
from recurate.models.parts.noise_schedule import shares_on, signal_shares

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from recurate.data import Description
    from recurate.foundation.types import Array

UNET, SCHEDULER = "unet/config.json", "scheduler/scheduler_config.json"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"
LIBRARY = ("diffusers", "pretrained")  # and the environment that has it
PREDICTIONS = ("epsilon", "v_prediction", "sample")


class DiffusersUNet(NoiseModel):
    """A `UNet2DModel` without classes, as a pipeline such as DDPMPipeline saves it.

    It is generation 0 as it is, or trained on. Its initial parameters are those of the folder, the same for every seed.
    Noise is added on this project's cosine schedule of `noise_steps`: the network is told the time at which its own
    schedule leaves as much signal, which lies between two of its steps. Where less is left than its last step leaves,
    it is told that one. Dropout is left out.
    """

    wants_gpu: ClassVar[bool] = True
    is_pretrained: ClassVar[bool] = True

    folder: str = Field(description=f"folder of the pipeline, with {UNET}, {WEIGHTS} and {SCHEDULER}")
    classes: Literal[0] = Field(0, description="the network is told no classes")

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(str(path) for name in (UNET, SCHEDULER, WEIGHTS) if (path := Path(self.folder, name)).is_file())

    @model_validator(mode="after")
    def _is_such_a_pipeline(self) -> DiffusersUNet:
        told, predicted = self._unet.get("_class_name"), self._schedule.get("prediction_type", "epsilon")
        if told != "UNet2DModel":
            raise ValueError(f"folder: {self.folder} has a network of the class {quoted(told)}; wanted is UNet2DModel")
        if self._unet.get("num_class_embeds") is not None:
            raise ValueError(f"folder: the network in {self.folder} is told classes; wanted is one that is not")
        if self._unet.get("out_channels") != self._unet.get("in_channels"):
            raise ValueError(f"folder: the network in {self.folder} gives more than noise; wanted is one that does not")
        if predicted not in PREDICTIONS:
            raise ValueError(
                f"folder: the network in {self.folder} predicts {quoted(predicted)}; known are {', '.join(PREDICTIONS)}"
            )
        if not Path(self.folder, WEIGHTS).is_file():
            raise ValueError(f"folder: {self.folder} has no {WEIGHTS}; save the pipeline with save_pretrained")
        return self

    @cached_property
    def _unet(self) -> dict[str, object]:
        return settings_in("folder", Path(self.folder, UNET))

    @cached_property
    def _schedule(self) -> dict[str, object]:
        return settings_in("folder", Path(self.folder, SCHEDULER))

    def check(self, data: Description) -> None:
        super().check(data)
        if len(data.shape) != 3:
            raise ValueError(f"needs images (height, width, channels), the data have shape {data.shape}")
        height, width, channels = data.shape
        sizes, wanted = self._unet.get("sample_size"), self._unet.get("in_channels")
        side = sizes if isinstance(sizes, list) else [sizes, sizes]
        if channels != wanted or (sizes is not None and side != [height, width]):
            taken = f"{side[0]} x {side[1]} x {wanted}"
            raise ValueError(f"takes images of {taken}, the data are {height} x {width} x {channels}")

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        library = imported(*LIBRARY)
        network = read(
            f"model: {self.folder}",
            lambda: library.UNet2DModel.from_pretrained(self.folder, subfolder="unet", use_safetensors=True),
        )
        return {name: value.detach().to(torch.float32) for name, value in network.named_parameters()}

    def noise(self, parameters: dict[str, Tensor], x: Tensor, step: Tensor, label: Tensor | None) -> Tensor:
        share = shares_on(self.noise_steps, x.device)[step][..., None, None, None]
        times = _times(self, x.device)[step]
        output = torch.stack([self._one_seed(parameters, seed, x[seed], times[seed]) for seed in range(len(x))])
        match self._schedule.get("prediction_type", "epsilon"):
            case "v_prediction":
                return share.sqrt() * output + (1 - share).sqrt() * x
            case "sample":
                return (x - share.sqrt() * output) / (1 - share).sqrt()
        return output

    def _one_seed(self, parameters: dict[str, Tensor], seed: int, x: Tensor, time: Tensor) -> Tensor:
        """What the network gives for images `x` (batch, height, width, channels) at its own times (batch,)."""
        of_seed = {name: value[seed] for name, value in parameters.items()}
        image = x.permute(0, 3, 1, 2)
        network = _network(self.folder, str(x.device))
        return torch.func.functional_call(network, of_seed, (image, time)).sample.permute(0, 2, 3, 1)


@cache
def _times(model: DiffusersUNet, device: torch.device) -> Tensor:
    """Times (noise_steps + 1,) at which the network's own schedule leaves as much signal as each of our steps."""
    schedule = imported(*LIBRARY).DDPMScheduler.from_pretrained(model.folder, subfolder="scheduler")
    own = schedule.alphas_cumprod.double().numpy()
    ours = np.clip(signal_shares(model.noise_steps), own.min(), own.max())
    times = np.interp(_noise(ours), _noise(own), np.arange(len(own)))
    return torch.from_numpy(times).to(device, torch.float32)


def _noise(share: Array) -> Array:
    """Logarithm of the ratio of noise to signal, which grows along a schedule."""
    return np.log1p(-share) - np.log(share)


@cache
def _network(folder: str, device: str) -> torch.nn.Module:
    """The network without its weights, which come with every call."""
    library = imported(*LIBRARY)
    with torch.random.fork_rng(devices=[]):
        config = library.UNet2DModel.load_config(folder, subfolder="unet")
        return library.UNet2DModel.from_config(config).to(device).eval()
