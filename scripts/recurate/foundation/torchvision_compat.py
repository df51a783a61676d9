"""torchvision and clean-fid where torchvision's compiled operators do not fit the installed PyTorch.

A CPU-only PyTorch beside a torchvision built for CUDA cannot load torchvision's operator library, and then importing
torchvision stops at the missing operator `torchvision::nms`. Only in that case its schema is declared, so that the
import succeeds; the operator itself stays unusable. On a matching installation nothing happens here.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from recurate.foundation.lazy import torch

_DECLARED: list[torch.library.Library] = []


def import_torchvision() -> ModuleType:
    """Import torchvision, declaring the operators its import needs if its compiled library cannot be loaded."""
    spec = importlib.util.find_spec("torchvision")
    assert spec is not None and spec.origin is not None, "torchvision is in the lock file"
    compiled = list(Path(spec.origin).parent.glob("_C*.so"))
    try:
        for library in compiled:
            torch.ops.load_library(str(library))
    except OSError:
        if not _DECLARED:
            fragment = torch.library.Library("torchvision", "FRAGMENT")
            fragment.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            fragment.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            _DECLARED.append(fragment)
    import torchvision

    return torchvision
