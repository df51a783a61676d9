"""Causal language models of the transformers library, such as OPT and GPT-2, fine-tuned whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from recurate.files.fingerprints import file_digest
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import torch
from recurate.foundation.model_libraries import Found, imported, read
from recurate.models import LanguageModel, Reading

if TYPE_CHECKING:
    from torch import Generator, Tensor
    from transformers import Cache, PretrainedConfig, PreTrainedModel
    from transformers.modeling_outputs import CausalLMOutputWithPast

WEIGHTS = "model.safetensors"
LIBRARY = ("transformers", "language")  # and the environment that has it


class CausalLM(LanguageModel):
    """`AutoModelForCausalLM` by name or folder; parameter names are the library's, and dropout is left out.

    Its initial parameters are the pretrained ones, the same for every seed, so that `start: scratch` is a restart from
    the pretrained model (as in Shumailov et al. 2024). Weights are read from safetensors only, never from pickles, and
    no code that comes with a model is run. Seeds are computed one after another.
    """

    wants_gpu: ClassVar[bool] = True
    is_pretrained: ClassVar[bool] = True

    source: str = Field(description="name in the transformers library, such as facebook/opt-125m, or a folder")
    revision: str | None = Field(None, description="branch, tag or commit of a named model; its newest if none")
    sha256: str | None = Field(None, description=f"checksum of {WEIGHTS}; a file that differs is refused")

    @property
    def files(self) -> tuple[str, ...]:
        folder = Path(self.source)
        names = ("config.json", "*.safetensors", "*.safetensors.index.json")
        return tuple(str(path) for name in names for path in sorted(folder.glob(name)))

    def initial(self, shape: tuple[int, ...], generator: Generator) -> dict[str, Tensor]:
        network = _pretrained(self)
        return {name: value.detach().clone() for name, value in network.named_parameters()}

    def logits(self, parameters: dict[str, Tensor], tokens: Tensor) -> Tensor:
        calls = [_call(self, parameters, seed, of_seed, {"use_cache": False}) for seed, of_seed in enumerate(tokens)]
        return torch.stack([each.logits for each in calls])

    def begin(self, parameters: dict[str, Tensor], tokens: Tensor) -> tuple[Tensor, Caches]:
        read = Caches(self, parameters, [None] * len(tokens))
        return read.further(tokens), read


@dataclass
class Caches(Reading):
    """The library's cache of every seed; None before anything is read."""

    model: CausalLM
    parameters: dict[str, Tensor]
    of_seeds: list[Cache | None]

    def step(self, tokens: Tensor) -> Tensor:
        return self.further(tokens[..., None])

    def select(self, rows: Tensor) -> None:
        for of_seed, chosen in zip(self.of_seeds, rows, strict=True):
            assert of_seed is not None, "texts are read before rows of them are chosen"
            of_seed.reorder_cache(chosen)

    def further(self, tokens: Tensor) -> Tensor:
        """Logits (seeds, batch, vocabulary) of the token after `tokens` (seeds, batch, time), which are read now."""
        outputs = [
            _call(self.model, self.parameters, seed, tokens[seed], {"use_cache": True, "past_key_values": of_seed})
            for seed, of_seed in enumerate(self.of_seeds)
        ]
        self.of_seeds = [each.past_key_values for each in outputs]
        return torch.stack([each.logits[:, -1] for each in outputs])


def _call(
    model: CausalLM, parameters: dict[str, Tensor], seed: int, tokens: Tensor, options: dict[str, bool | Cache | None]
) -> CausalLMOutputWithPast:
    """The library's output for tokens (batch, time) of one seed."""
    of_seed = {name: value[seed] for name, value in parameters.items()}
    network = _network(model, str(tokens.device))
    return torch.func.functional_call(network, of_seed, (), {"input_ids": tokens, **options})


def _read(model: CausalLM, load: Callable[[], Found]) -> Found:
    return read(f"model: {model.source}", load)


def _pretrained(model: CausalLM) -> PreTrainedModel:
    """The network with its weights; raises RecurateError if they are missing, other ones or of another size."""
    library, folder = imported(*LIBRARY), Path(model.source)
    if folder.is_dir() and not any(folder.glob("*.safetensors")):
        raise RecurateError(f"model: {folder}: has no weights ({WEIGHTS}); save the model there with save_pretrained")
    if model.sha256:
        path = read(
            f"model: {model.source}", lambda: library.utils.cached_file(model.source, WEIGHTS, revision=model.revision)
        )
        if (digest := file_digest(path)) != model.sha256.lower():
            raise RecurateError(f"model: {path}: its SHA-256 is {digest}, not {model.sha256.lower()}; fetch it again")
    options = {"use_safetensors": True, "dtype": torch.float32, "revision": model.revision or "main"}
    network = read(
        f"model: {model.source}", lambda: library.AutoModelForCausalLM.from_pretrained(model.source, **options)
    )
    _fits(model, network.config)
    return network


def _fits(model: CausalLM, config: PretrainedConfig) -> None:
    """Raise RecurateError unless the settings are the network's."""
    context = getattr(config, "max_position_embeddings", model.context)
    for name, setting, actual in (
        ("vocabulary", model.vocabulary, config.vocab_size),
        ("context", model.context, context),
    ):
        if setting != actual:
            raise RecurateError(f"model: {model.source}: its {name} is {actual}, not {setting}; set {name}: {actual}")


@cache
def _network(model: CausalLM, device: str) -> PreTrainedModel:
    """The network without its weights, which come with every call."""
    library = imported(*LIBRARY)
    config = read(
        f"model: {model.source}",
        lambda: library.AutoConfig.from_pretrained(model.source, revision=model.revision or "main"),
    )
    _fits(model, config)
    with torch.random.fork_rng(devices=[]):
        return library.AutoModelForCausalLM.from_config(config, dtype=torch.float32).to(device).eval()
