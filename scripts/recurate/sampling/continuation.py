"""Sampling from a language model: real blocks are continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np, torch
from recurate.foundation.randomness import PROMPTS, TOKENS
from recurate.models import LanguageModel, Model
from recurate.sampling import Request, Sampler, SampleSet
from recurate.sampling.parts.text_generation import Bending, by_beams, by_chance

if TYPE_CHECKING:
    from torch import Tensor

    from recurate.data import Description
    from recurate.foundation.types import Array


class Continuation(Sampler):
    """Prompts are training blocks, drawn without replacement and the same in all arms; a sample is what follows.

    Where blocks begin with a token that nobody wrote, samples do too, with one token of text less. Beside the samples
    stands the number of each one's prompt, `prompt` (seeds, samples).
    """

    draws_from: ClassVar[type[Model]] = LanguageModel
    needs_real: ClassVar[bool] = True

    strategy: Literal["sampling", "nucleus", "beam"] = Field(
        "sampling",
        description="sampling: each token by chance; nucleus: by chance among the likeliest; beam: search for the "
        "likeliest text",
    )
    per_prompt: int = Field(
        1, ge=1, le=10**6, description="continuations of each prompt; of a search its likeliest results"
    )
    prompt: int | None = Field(None, ge=1, description="tokens of a block that a prompt has, its first; all if none")
    keeps_prompt: bool = Field(
        False, description="let a sample begin with its prompt, so that the model learns what follows what"
    )
    temperature: float = Field(1.0, gt=0, description="divisor of the logits; 1 leaves them as they are")
    repetition_penalty: float = Field(
        1.0, ge=1, description="divisor of the positive logits of tokens that came before; 1: none"
    )
    top_p: float = Field(0.95, gt=0, le=1, description="probability of the nucleus, where that is the strategy")
    beams: int = Field(5, ge=1, le=100_000, description="beginnings kept at a time, where the strategy is beam")

    @property
    def answers(self) -> int:
        return self.per_prompt

    @property
    def given(self) -> int:
        return self.prompt or 0 if self.keeps_prompt else 0

    @model_validator(mode="after")
    def _enough_beams(self) -> Continuation:
        if self.strategy == "beam" and self.per_prompt > self.beams:
            raise ValueError(
                f"per_prompt: a search of {self.beams} beams gives no {self.per_prompt} texts; raise beams"
            )
        if self.keeps_prompt and self.prompt is None:
            raise ValueError("keeps_prompt: give prompt, the number of tokens that are kept")
        return self

    @property
    def is_biased(self) -> bool:
        return self.strategy != "sampling" or self.temperature != 1 or self.repetition_penalty != 1

    def check_samples(self, data: Description, model: Model, samples: int) -> None:
        assert isinstance(model, LanguageModel)
        block = data.shape[0]
        prompt = block if self.prompt is None else self.prompt
        if prompt > block - self.keeps_prompt:
            raise ValueError(f"prompt: {prompt} tokens do not fit into the data's blocks of {block}")
        needed = block if self.keeps_prompt else prompt + block
        if needed > model.context and not model.slides:
            raise ValueError(f"prompt: with what follows it is {needed} tokens long, the context only {model.context}")
        if samples % self.per_prompt:
            raise ValueError(f"per_prompt: {self.per_prompt} does not divide the {samples} samples")
        if self.strategy == "beam" and self.beams > model.vocabulary:
            raise ValueError(f"beams: {self.beams} are more than the {model.vocabulary} tokens of the vocabulary")

    def sample(self, model: Model, parameters: dict[str, Tensor], request: Request) -> SampleSet:
        assert isinstance(model, LanguageModel) and request.real is not None
        (block,) = request.shape
        numbers = self._prompts(request)
        prompts = torch.from_numpy(request.real[numbers][..., : self.prompt]).to(request.device, torch.int64)
        kept = prompts if self.keeps_prompt else prompts[..., : request.first_tokens]
        length = block - kept.shape[2]
        size = max(1, self.chunk // (self.beams if self.strategy == "beam" else self.per_prompt))
        with torch.no_grad():
            parts = [
                self._continued(model, parameters, part, uniform)
                for part, uniform in zip(
                    prompts.split(size, dim=1), self._uniform(request, length).split(size, dim=1), strict=True
                )
            ]
        x = torch.cat(parts, dim=1)
        x = torch.cat([kept.repeat_interleave(self.per_prompt, dim=1), x], dim=2)
        return SampleSet(x, float(length), {"prompt": np.repeat(numbers, self.per_prompt, axis=1)})

    def _prompts(self, request: Request) -> Array:
        """Numbers (seeds, prompts) int64 of training blocks, each at most once for a seed."""
        assert request.real is not None
        count, blocks = request.samples // self.per_prompt, len(request.real)
        if count > blocks:
            raise RecurateError(
                f"sampler: {request.samples} samples need {count} prompts, but there are {blocks} training blocks; "
                "lower samples or raise per_prompt"
            )
        return np.stack([generator.permutation(blocks)[:count] for generator in request.generators(PROMPTS)])

    def _uniform(self, request: Request, length: int) -> Tensor:
        """Numbers from 0 to 1, (seeds, prompts, per_prompt, length); a search needs none but their number."""
        count = request.samples // self.per_prompt
        if self.strategy == "beam":
            none = torch.zeros(1, device=request.device)
            return none.expand(len(request.seeds), count, self.per_prompt, length)
        size = (count, self.per_prompt, length)
        drawn = [generator.random(size, dtype=np.float32) for generator in request.generators(TOKENS)]
        return torch.from_numpy(np.stack(drawn)).to(request.device)

    def _continued(
        self, model: LanguageModel, parameters: dict[str, Tensor], prompts: Tensor, uniform: Tensor
    ) -> Tensor:
        """Continuations (seeds, prompts * per_prompt, length) of prompts (seeds, prompts, time)."""
        bend = Bending(self.temperature, self.repetition_penalty)
        if self.strategy == "beam":
            texts, _ = by_beams(model, parameters, prompts, uniform.shape[3], self.beams, bend)
            return texts[:, :, : self.per_prompt].flatten(1, 2)
        top_p = self.top_p if self.strategy == "nucleus" else 1.0
        return by_chance(model, parameters, prompts, uniform.flatten(1, 2), bend, top_p)
