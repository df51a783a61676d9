"""Inception's features, on which the literature's FID and KID are defined."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PrivateAttr

from recurate.files.fingerprints import file_digest
from recurate.foundation.errors import RecurateError
from recurate.measuring.features import ImageFeatures
from recurate.measuring.features.parts.resizing import resized

if TYPE_CHECKING:
    from torch import Tensor

NAME = "inception-2015-12-05.pt"
SHA256 = "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4"
SIZE = 299  # pixels of the images it was trained on


class Inception(ImageFeatures):
    """The 2,048 features of the Inception network of 2015, taken as clean-fid takes them (Parmar et al. 2022)."""

    former: ClassVar[Mapping[str, str]] = {"weights": f"leave it out, {NAME} lies in the data folder"}

    mode: Literal["clean", "legacy_tensorflow"] = Field(
        "clean",
        description="how images come to 299 pixels: bicubic as clean-fid recommends, or bilinear inside the "
        "network as in older work and in torchcfm's published values; the two do not compare",
    )
    _file: Path = PrivateAttr(Path(NAME))  # clean-fid looks for this name

    @property
    def fetched_file(self) -> str:
        return NAME

    def located(self, fetched: Sequence[str]) -> Inception:
        located = self.model_copy()
        (located._file,) = (Path(path) for path in fetched if Path(path).name == NAME)
        return located

    def network(self, device: str) -> Callable[[Tensor], Tensor]:
        from cleanfid.inception_torchscript import InceptionV3W

        verify(self._file)
        legacy = self.mode == "legacy_tensorflow"
        model = InceptionV3W(str(self._file.parent), download=False, resize_inside=legacy).to(device).eval()
        return model if legacy else lambda images: model(resized(images, SIZE))


def verify(path: str | Path) -> None:
    """Raise RecurateError unless the file is Inception's network, bit for bit: it holds code."""
    if not Path(path).is_file():
        raise RecurateError(f"{path}: no such file; {remedy(path)}")
    if (digest := file_digest(path)) != SHA256:
        raise RecurateError(f"{path}: its SHA-256 is {digest}, so it is another file or damaged; {remedy(path)}")


def remedy(path: str | Path) -> str:
    """What to do where the network is missing."""
    return f"put the file {NAME} of SHA-256 {SHA256} there by hand"
