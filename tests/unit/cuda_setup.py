"""A GPU that is not there: every path is run on the processor, and once more on fake tensors of a CUDA device.

The second run computes no numbers. What the host reads from tensors there is answered with what it read in the first
run, in the same order and at the same places, so that both take the same way and end with the same arrays. Noted are
the places at which data pass between host and device.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from recurate.curation.judges import image_classifier, vgg11
from recurate.measuring.features.parts import resizing
from recurate.models import causal_lm, diffusers_unet
from recurate.models.parts import noise_schedule

SCRIPTS = Path(__file__).parents[2] / "scripts"
READS = (
    "numpy",
    "item",
    "tolist",
    "__bool__",
    "__float__",
    "__int__",
    "__index__",
    "__array__",
    "__contains__",
    "unique",
)
WRITES = ("aten::copy_", "aten::_to_copy")
CUDA = torch.device("cuda:0")


class MixedDevices(RuntimeError):
    """An operation on tensors of several devices, which CUDA would refuse, or copy for and wait in silence."""


@dataclass
class Passed:
    """What passed between host and device in a run: places in the library, each as often as something passed there."""

    to_host: list[str] = field(default_factory=list)
    to_device: list[str] = field(default_factory=list)


def place() -> str:
    """Where in the library or in a stage the present operation was asked for, `module:function`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(SCRIPTS):
            module = str(path.relative_to(SCRIPTS).with_suffix("")).removeprefix("recurate/").removesuffix("/__init__")
            return f"{module}:{frame.f_code.co_qualname.partition('.<')[0]}"
        frame = frame.f_back
    return "outside"


class Host(TorchFunctionMode):
    """Notes what the host reads from tensors or, if told `answers`, gives these instead.

    Of a tensor on the device NumPy may not read.
    """

    def __init__(self, answers: list[tuple[str, str, Any]] | None = None) -> None:
        self.noted: list[tuple[str, str, Any]] = []
        self.answers = None if answers is None else iter(answers)
        self.passed = Passed()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        if self.answers is not None:
            # PyTorch without CUDA does not know which GPU is the present one.
            args, kwargs = tree_map(numbered, args), tree_map(numbered, kwargs)
            return self._answer(name, args[0]) if reads(name, args) else func(*args, **kwargs)
        value = func(*args, **kwargs)
        if reads(name, args) and place() != "outside":
            self.noted.append((name, place(), value.copy() if isinstance(value, np.ndarray) else value))
        return value

    def _answer(self, name: str, tensor: Tensor) -> Any:
        on_device = tensor.device.type == "cuda"
        if on_device and name in ("numpy", "__array__"):
            raise MixedDevices(f"{place()}: NumPy reads a tensor on the GPU, which must be copied to the host first")
        assert self.answers is not None
        expected, where, value = next(self.answers, ("nothing", "", None))
        if (expected, where) != (name, place()):
            raise RuntimeError(f"{place()} reads {name}; on the processor {where} read {expected} at this point")
        if on_device:
            self.passed.to_host.append(place())
        if isinstance(value, Tensor | tuple):
            return tree_map(lambda each: tensor.new_empty(each.shape, dtype=each.dtype), value)
        if isinstance(value, np.ndarray):
            assert value.shape == tuple(tensor.shape)
            return value.copy()
        return value


def reads(name: str, args: Any) -> bool:
    """Whether an operation waits for numbers of a tensor; one that takes elements by a mask must count them."""
    masked = name == "__getitem__" and isinstance(args[1], Tensor) and args[1].dtype == torch.bool
    return masked or name in READS


def numbered(value: Any) -> Any:
    """The device "cuda" with its number; anything else as it is."""
    is_cuda = isinstance(value, str | torch.device) and str(value) == "cuda"
    return CUDA if is_cuda else value


class Devices(TorchDispatchMode):
    """Refuses operations on several devices, which fake tensors overlook in part, and notes copies between them."""

    def __init__(self, passed: Passed) -> None:
        super().__init__()
        self.passed = passed

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, func._schema.name
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
        if name == "aten::copy_" and args[0].device != args[1].device:
            args = (args[0], args[1].to(args[0].device), *args[2:])  # what noting the copy is left to
        elif name not in WRITES:
            self._agree(name, tensors)
        result = func(*args, **kwargs)
        if name == "aten::_to_copy" and result.device.type != tensors[0].device.type:
            (self.passed.to_host if result.device.type == "cpu" else self.passed.to_device).append(place())
        return result

    def _agree(self, name: str, tensors: list[Tensor]) -> None:
        """A number without axes may lie on the host; not so Adam's counts of steps."""
        devices = {value.device.type for value in tensors if value.ndim or "fused" in name} - {"meta"}
        if len(devices) > 1:
            raise MixedDevices(f"{place()}: {name} of tensors on {' and '.join(sorted(devices))}")


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Let PyTorch that is built without CUDA index tensors of that device: the guard of the processor stands in.

    A guard switches between GPUs. Builds with CUDA put one in this place that does nothing where there is no GPU.
    """
    (library,) = (Path(torch.__file__).parent / "lib").glob("libc10.[sd]*")
    guards = (ctypes.c_void_p * 2).in_dll(ctypes.CDLL(str(library)), "_ZN3c104impl26device_guard_impl_registryE")
    before = guards[1]
    guards[1] = before or guards[0]  # by the numbers of devices: 0 is the processor, 1 is CUDA
    try:
        yield
    finally:
        guards[1] = before


@contextlib.contextmanager
def absent_gpu(answers: list[tuple[str, str, Any]]) -> Iterator[Passed]:
    """Fake tensors, on a GPU where they are sent to one; what the host reads is in `answers`.

    What PyTorch cannot do there without being built for CUDA is left out: its backward pass, in which no line of this
    project runs, gives gradients that lie beside their parameters, and the generator of a GPU has no state.
    """
    host = Host(answers)

    def grad(outputs: Any, inputs: list[Tensor], **_: Any) -> tuple[Tensor, ...]:
        return tuple(torch.empty_like(value) for value in inputs)

    def zero_grad(optimizer: torch.optim.Optimizer) -> None:
        for value in (each for group in optimizer.param_groups for each in group["params"]):
            value.grad = torch.empty_like(value)

    def apply(module: nn.Module, change: Callable[[Tensor], Tensor]) -> nn.Module:
        changed: dict[int, nn.Parameter | None] = {id(None): None}  # what several modules share stays one
        for each in module.modules():
            for name, value in each._parameters.items():
                if id(value) not in changed:
                    changed[id(value)] = nn.Parameter(change(value), value.requires_grad)
                each._parameters[name] = changed[id(value)]
            for name, value in each._buffers.items():
                each._buffers[name] = None if value is None else change(value)
        return module

    with (
        pytest.MonkeyPatch.context() as patch,
        guarded(),
        FakeTensorMode(allow_non_fake_inputs=True),
        torch.no_grad(),
        Devices(host.passed),
        host,
    ):
        patch.setattr(torch.autograd, "grad", grad)
        patch.setattr(torch.optim.Optimizer, "zero_grad", zero_grad)
        patch.setattr(Tensor, "backward", lambda loss: None)
        patch.delattr(FakeTensor, "tolist")  # so that it is the one of all tensors, which is answered
        patch.setattr(nn.Module, "_apply", apply)
        patch.setattr(torch.random, "fork_rng", lambda *_, **__: contextlib.nullcontext())
        patch.setattr(torch.cuda, "current_device", lambda: 0)
        if library := sys.modules.get("transformers.utils.import_utils"):
            patch.setattr(library, "is_fake_tensor", lambda _: False)  # it would take another way
        yield host.passed
    assert next(host.answers or iter([]), None) is None, "the processor's run read more"


def both_ways(path: Callable[[str], Any]) -> Passed:
    """Run `path` on the processor, then on the GPU that is not there; gives what passed between host and device.

    Raises an error where devices mix, where NumPy reads from the GPU, and unless both runs end with equal arrays.
    """
    forget()
    with Host() as processor:
        expected = path("cpu")
    forget()
    try:
        with absent_gpu(processor.noted) as passed:
            found = path("cuda")
    finally:
        forget()
    compare(found, expected)
    return passed


def forget() -> None:
    """Empty what is kept on a device from one call to the next."""
    networks = (causal_lm._network, diffusers_unet._network, diffusers_unet._times, image_classifier._network)
    for kept in (*networks, noise_schedule.shares_on, resizing._matrix_on, vgg11._on_device):
        kept.cache_clear()


def compare(found: Any, expected: Any) -> None:
    leaves, structure = tree_flatten(expected)
    others, same = tree_flatten(found)
    assert structure == same
    for one, other in zip(leaves, others, strict=True):
        np.testing.assert_array_equal(one, other)
