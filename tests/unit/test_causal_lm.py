"""Models of the transformers library: tiny, random, saved to disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from language_setup import BLOCK, tokens

from recurate.data import Description
from recurate.files.fingerprints import file_digest
from recurate.foundation.errors import RecurateError
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.models.causal_lm import CausalLM
from recurate.models.parts.fitted import FittedModel
from recurate.models.parts.likelihood import log_likelihood
from recurate.models.parts.units import Encoding
from recurate.models.transformer import _rotated, _rotations
from recurate.sampling import Request
from recurate.sampling.continuation import Continuation
from recurate.training.objectives.next_token import NextToken

import_torchvision()
transformers = pytest.importorskip("transformers")
VOCABULARY, CONTEXT = 40, 32
SHARED: dict[str, Any] = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": None, "pad_token_id": 1}
CONFIGURATIONS = {
    "gpt2": transformers.GPT2Config(n_positions=CONTEXT, n_embd=16, n_layer=2, n_head=2, **SHARED),
    "opt": transformers.OPTConfig(
        hidden_size=16, num_hidden_layers=2, ffn_dim=32, num_attention_heads=2, max_position_embeddings=CONTEXT,
        word_embed_proj_dim=16, **SHARED,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(CONFIGURATIONS))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, CausalLM]:
    """The library's own network, and ours read from the folder it was saved to."""
    torch.manual_seed(0)
    network = transformers.AutoModelForCausalLM.from_config(CONFIGURATIONS[request.param]).eval()
    with torch.no_grad():
        for value in network.parameters():
            value.mul_(4)
    folder = tmp_path_factory.mktemp(request.param)
    network.save_pretrained(folder)
    return network, model(folder)


def model(folder: Path, **changes: Any) -> CausalLM:
    settings = {"kind": "causal_lm", "source": str(folder), "vocabulary": VOCABULARY, "context": CONTEXT}
    return CausalLM.model_validate({**settings, **changes})


def stacked(ours: CausalLM, seeds: int = 1) -> dict[str, torch.Tensor]:
    alone = ours.initial((BLOCK,), torch.Generator())
    return {name: torch.stack([value] * seeds) for name, value in alone.items()}


def test_logits_and_loss_are_the_librarys(saved: tuple[Any, CausalLM]) -> None:
    network, ours = saved
    x = tokens(1, 4, 10, vocabulary=VOCABULARY)
    torch.testing.assert_close(ours.logits(stacked(ours), x)[0], network(input_ids=x[0]).logits)
    loss = NextToken(kind="next_token").costs(ours, stacked(ours), x, {}).mean(dim=1)
    torch.testing.assert_close(loss[0], network(input_ids=x[0], labels=x[0]).loss)


def test_perplexity_of_a_block_is_the_librarys(saved: tuple[Any, CausalLM]) -> None:
    network, ours = saved
    x = tokens(4, 10, vocabulary=VOCABULARY)
    fitted = FittedModel(ours, stacked(ours), Encoding((10,), "int32", 0.0, 1.0))
    expected = [network(input_ids=block[None], labels=block[None]).loss.item() for block in x]
    np.testing.assert_allclose(-log_likelihood(fitted, x.numpy().astype(np.int32)), expected, rtol=1e-5)


def test_predictions_with_a_cache_are_those_without(saved: tuple[Any, CausalLM]) -> None:
    _, ours = saved
    x, known = tokens(2, 3, 12, vocabulary=VOCABULARY), stacked(ours, 2)
    expected = ours.logits(known, x)
    found, reading = ours.begin(known, x[..., :5])
    for place in range(5, 12):
        torch.testing.assert_close(found, expected[:, :, place - 1], atol=1e-4, rtol=1e-4)
        found = reading.step(x[..., place])


def test_beam_search_is_the_librarys(saved: tuple[Any, CausalLM]) -> None:
    network, ours = saved
    real = tokens(6, 10, vocabulary=VOCABULARY).numpy().astype(np.int32)
    sampler = Continuation.model_validate({"kind": "continuation", "strategy": "beam", "beams": 5, "per_prompt": 2})
    drawn = sampler.sample(ours, stacked(ours), Request([0], 0, 12, (10,), real=real))
    prompts = torch.from_numpy(real[drawn.others["prompt"][0, ::2]]).long()
    expected = network.generate(
        prompts, attention_mask=torch.ones_like(prompts), num_beams=5, num_return_sequences=2, do_sample=False,
        max_new_tokens=10, min_new_tokens=10,
    )  # fmt: skip
    assert torch.equal(drawn.x[0], expected[:, 10:])


def test_every_seed_has_its_own_parameters(saved: tuple[Any, CausalLM]) -> None:
    _, ours = saved
    x, known = tokens(1, 3, 6, vocabulary=VOCABULARY), stacked(ours, 2)
    known = {
        name: value * torch.tensor([1.0, 0.5]).reshape(2, *[1] * (value.ndim - 1)) for name, value in known.items()
    }
    both = ours.logits(known, x.expand(2, -1, -1))
    alone = ours.logits({name: value[1:] for name, value in known.items()}, x)
    torch.testing.assert_close(both[1], alone[0])
    assert not torch.allclose(both[0], both[1])


def test_bad_folders_are_refused_in_a_sentence(saved: tuple[Any, CausalLM], tmp_path: Path) -> None:
    _, ours = saved
    folder = Path(ours.source)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(RecurateError, match=r"has no weights \(model.safetensors\)"):
        model(tmp_path).initial((BLOCK,), torch.Generator())
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(RecurateError, match="cannot be loaded"):
        model(tmp_path).initial((BLOCK,), torch.Generator())
    with pytest.raises(RecurateError, match=f"its vocabulary is {VOCABULARY}, not 50; set vocabulary"):
        model(folder, vocabulary=50).initial((BLOCK,), torch.Generator())
    with pytest.raises(RecurateError, match=f"its context is {CONTEXT}, not 64; set context"):
        model(folder, context=64).initial((BLOCK,), torch.Generator())
    with pytest.raises(RecurateError, match="its SHA-256 is"):
        model(folder, sha256="0" * 64).initial((BLOCK,), torch.Generator())
    model(folder, sha256=file_digest(folder / "model.safetensors")).initial((BLOCK,), torch.Generator())


def test_prompts_that_leave_no_room_are_refused(saved: tuple[Any, CausalLM]) -> None:
    sampler = Continuation(kind="continuation")
    with pytest.raises(ValueError, match="it is 40 tokens long, the context only 32"):
        sampler.check_samples(Description((20,), 0, vocabulary=VOCABULARY), saved[1], 10)


def test_the_small_transformer_turns_positions_as_gpt_j_does() -> None:
    gpt_j = pytest.importorskip("transformers.models.gptj.modeling_gptj")
    h = torch.randn(3, 5, 2, 8, generator=torch.Generator().manual_seed(0))
    sine, cosine = gpt_j.create_sinusoidal_positions(12, 8)[None, 7:].chunk(2, dim=-1)
    found = _rotated(h, _rotations(7, 5, 8, h.device))
    torch.testing.assert_close(found, gpt_j.apply_rotary_pos_emb(h, sine, cosine))


def test_the_weights_of_a_model_in_a_folder_are_its_files(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "README.md"):
        (tmp_path / name).write_text("{}")
    settings = {"kind": "causal_lm", "vocabulary": 300, "context": 16}
    files = CausalLM.model_validate({**settings, "source": str(tmp_path)}).files
    assert files == (str(tmp_path / "config.json"), str(tmp_path / "model.safetensors"))
    assert CausalLM.model_validate({**settings, "source": "gpt2"}).files == ()
