"""Networks of the diffusers library: tiny, random, saved to disk as pipelines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.interpolate import interp1d
from study_setup import changed, complaint

from recurate.data import Description
from recurate.files.arrays import read_parameters
from recurate.foundation.torchvision_compat import import_torchvision
from recurate.models.diffusers_unet import DiffusersUNet
from recurate.models.parts.noise_schedule import signal_shares

import_torchvision()
diffusers = pytest.importorskip("diffusers")
SHAPE = (8, 8, 3)


def pipeline(folder: Path, network: dict[str, Any] | None = None, **schedule: Any) -> Any:
    """A pipeline of random parameters in a folder; gives its network."""
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "sample_size": 8, "in_channels": 3, "out_channels": 3, "layers_per_block": 1, "block_out_channels": (32, 32),
        "down_block_types": ("DownBlock2D", "AttnDownBlock2D"), "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
    }  # fmt: skip
    unet = diffusers.UNet2DModel(**{**settings, **(network or {})}).eval()
    diffusers.DDPMPipeline(unet, diffusers.DDPMScheduler(**schedule)).save_pretrained(folder)
    return unet


def ours(folder: Path, **settings: Any) -> DiffusersUNet:
    return DiffusersUNet.model_validate({"kind": "diffusers_unet", "folder": str(folder), **settings})


def noise_of(model: DiffusersUNet, x: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    alone = model.initial(SHAPE, torch.Generator())
    with torch.no_grad():
        return model.noise({name: value[None] for name, value in alone.items()}, x[None], step[None], None)[0]


@pytest.mark.parametrize("schedule", [{}, {"beta_schedule": "scaled_linear"}, {"num_train_timesteps": 200}])
def test_the_noise_is_that_of_the_library_at_the_time_of_as_much_signal(
    tmp_path: Path, schedule: dict[str, Any]
) -> None:
    unet = pipeline(tmp_path, **schedule)
    model, step = ours(tmp_path, noise_steps=100), torch.tensor([5, 30, 60, 95])
    x = torch.randn(4, *SHAPE, generator=torch.Generator().manual_seed(1))
    own = diffusers.DDPMScheduler(**schedule).alphas_cumprod.double().numpy()
    of_share = interp1d(np.log(own / (1 - own)), np.arange(len(own)))
    share = np.clip(np.array(signal_shares(100))[step], own.min(), own.max())
    times = torch.from_numpy(of_share(np.log(share / (1 - share)))).float()
    with torch.no_grad():
        expected = unet(x.permute(0, 3, 1, 2), times).sample.permute(0, 2, 3, 1)
    torch.testing.assert_close(noise_of(model, x, step), expected, atol=1e-5, rtol=1e-5)


def test_on_the_same_schedule_times_are_the_steps_themselves(tmp_path: Path) -> None:
    unet = pipeline(tmp_path, beta_schedule="squaredcos_cap_v2")
    x, step = torch.randn(3, *SHAPE), torch.tensor([1, 500, 990])
    with torch.no_grad():
        expected = unet(x.permute(0, 3, 1, 2), step - 1).sample.permute(0, 2, 3, 1)  # the library counts from 0
    torch.testing.assert_close(noise_of(ours(tmp_path), x, step), expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("predicted", ["v_prediction", "sample"])
def test_what_other_networks_predict_is_turned_into_noise(tmp_path: Path, predicted: str) -> None:
    unet = pipeline(tmp_path, beta_schedule="squaredcos_cap_v2", prediction_type=predicted)
    scheduler = diffusers.DDIMScheduler.from_pretrained(tmp_path, subfolder="scheduler", clip_sample=False)
    scheduler.set_timesteps(1000)
    x = torch.randn(1, *SHAPE)
    for step in (100, 600):
        noise = noise_of(ours(tmp_path), x, torch.tensor([step])).permute(0, 3, 1, 2)
        with torch.no_grad():
            output = unet(x.permute(0, 3, 1, 2), torch.tensor([step - 1])).sample
        clean = scheduler.step(output, step - 1, x.permute(0, 3, 1, 2)).pred_original_sample
        share = scheduler.alphas_cumprod[step - 1]
        expected = (x.permute(0, 3, 1, 2) - share.sqrt() * clean) / (1 - share).sqrt()
        torch.testing.assert_close(noise, expected, atol=5e-3, rtol=5e-3)


def test_seeds_have_parameters_of_their_own(tmp_path: Path) -> None:
    pipeline(tmp_path)
    model = ours(tmp_path)
    alone = model.initial(SHAPE, torch.Generator())
    both = {name: torch.stack([value, 0.5 * value]) for name, value in alone.items()}
    x, step = torch.randn(2, 3, *SHAPE), torch.full((2, 3), 70)
    with torch.no_grad():
        together = model.noise(both, x, step, None)
        second = model.noise({name: value[1:] for name, value in both.items()}, x[1:], step[1:], None)
    torch.testing.assert_close(together[1:], second)
    assert not torch.allclose(together[0], together[1])


def test_a_gradient_reaches_every_parameter(tmp_path: Path) -> None:
    pipeline(tmp_path)
    model = ours(tmp_path)
    parameters = {n: v[None].clone().requires_grad_() for n, v in model.initial(SHAPE, torch.Generator()).items()}
    output = model.noise(parameters, torch.randn(1, 4, *SHAPE), torch.tensor([[3, 20, 70, 99]]), None)
    gradients = torch.autograd.grad(output.square().sum(), list(parameters.values()))
    assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_such_a_pipeline_is_generation_0_without_training(tmp_path: Path) -> None:
    from script import call

    import prepare_real
    import train

    pipeline(tmp_path / "pipeline")
    images = np.random.default_rng(0).integers(0, 256, (20, *SHAPE), dtype=np.uint8)
    (tmp_path / "images").mkdir()
    np.save(tmp_path / "images/train_x.npy", images)
    data = {"kind": "array_folder", "folder": str(tmp_path / "images")}
    real, card, model = (str(tmp_path / name) for name in ("real.safetensors", "real.json", "model.safetensors"))
    call(prepare_real.main, real=real, card=card, spec={"data": data})
    network = {"kind": "diffusers_unet", "folder": str(tmp_path / "pipeline")}
    spec = {"model": network, "objective": {"kind": "denoising"}, "training": None, "mixing": {"real_fraction": 1.0}}
    call(train.main, real=real, model=model, spec=spec, seeds=[0, 1], generation=0)
    written = read_parameters(model)
    for name, value in ours(tmp_path / "pipeline").initial(SHAPE, torch.Generator()).items():
        np.testing.assert_array_equal(written[name], np.stack([value.numpy()] * 2))


def without(name: str) -> Any:
    return lambda folder: (folder / name).unlink()


def setting(name: str, **changes: Any) -> Any:
    def change(folder: Path) -> None:
        path = folder / name
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (without("unet/diffusion_pytorch_model.safetensors"), "has no unet/diffusion_pytorch_model.safetensors; save"),
        (without("unet/config.json"), r"unet/config\.json cannot be read .*; name the folder of a saved model"),
        (without("scheduler/scheduler_config.json"), r"scheduler_config\.json cannot be read"),
        (lambda folder: (folder / "unet/config.json").write_text("[1]"), "is no mapping of settings"),
        (lambda folder: (folder / "unet/config.json").write_text("{"), "cannot be read"),
        (setting("unet/config.json", _class_name="UNet1DModel"), "of the class 'UNet1DModel'; wanted is UNet2DModel"),
        (setting("unet/config.json", num_class_embeds=10), "is told classes; wanted is one that is not"),
        (setting("unet/config.json", out_channels=6), "gives more than noise"),
        (setting("scheduler/scheduler_config.json", prediction_type="flow"), "predicts 'flow'; known are epsilon"),
    ],
)
def test_a_folder_that_is_no_such_pipeline_is_named(tmp_path: Path, damage: Any, said: str) -> None:
    pipeline(tmp_path / "pipeline")
    damage(tmp_path / "pipeline")
    network = {"kind": "diffusers_unet", "folder": str(tmp_path / "pipeline")}
    lines = complaint(changed(("origins.gaussians.model", network)), tmp_path)
    assert any(re.search(f"origins.gaussians.model: folder: .*{said}", line) for line in lines), lines


@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 16, 3), (2,)])
def test_images_of_another_size_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pipeline(tmp_path)
    with pytest.raises(ValueError, match="images"):
        ours(tmp_path).check(Description(shape, 0))
    ours(tmp_path).check(Description(SHAPE, 0))


def test_damaged_weights_are_a_sentence(tmp_path: Path) -> None:
    pipeline(tmp_path)
    (tmp_path / "unet/diffusion_pytorch_model.safetensors").write_bytes(b"no numbers")
    with pytest.raises(Exception, match=r"cannot be loaded .*; name another, or save it anew"):
        ours(tmp_path).initial(SHAPE, torch.Generator())
