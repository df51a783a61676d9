"""Pictures of one's own, in a folder."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from recurate.data import Description, RealData
from recurate.data.parts.own_files import OwnFiles, place
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np

if TYPE_CHECKING:
    import numpy
    from PIL import Image

    from recurate.foundation.types import Array

SUFFIXES = (".png", ".jpg", ".jpeg")
CHANNELS = {"grey": 1, "colour": 3}
PIXELS = {"grey": "L", "colour": "RGB"}
OF_MODES = {"1": "grey", "L": "grey", "RGB": "colour", "P": "colour", "CMYK": "colour", "YCbCr": "colour"}


class ImageFolder(OwnFiles):
    """Pictures of 8 bits a channel (PNG or JPEG) of one size; where they lie in subfolders, these are their classes."""

    folder: str = Field(description="folder of the pictures, or of a subfolder for each class")
    resize: tuple[int, int] | None = Field(
        None,
        description="height and width that every picture is brought to, its middle being kept; as they are if none",
    )
    channels: Literal["grey", "colour"] | None = Field(
        None, description="what every picture is turned to; if none, all must be alike"
    )

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(map(str, self._paths))

    @cached_property
    def _paths(self) -> list[Path]:
        """The pictures: those of the subfolders, if any holds one, else those of the folder itself.

        Raises RecurateError if there are none, or if some lie in subfolders and some beside them.
        """
        top = place("folder", self.folder, folder=True)
        here, below = _pictures(top.glob("*")), _pictures(top.glob("*/*"))
        if here and below:
            raise RecurateError(
                f"folder: {here[0]} lies beside folders of classes; move it into one, or the others out of them"
            )
        if not (here or below):
            raise RecurateError(
                f"folder: there is no picture ({', '.join(SUFFIXES)}) in {self.folder}, nor in its subfolders"
            )
        return here or below

    @cached_property
    def _class_names(self) -> tuple[str, ...]:
        if self._paths[0].parent == Path(self.folder):
            return ()
        return tuple(sorted({path.parent.name for path in self._paths}))

    @cached_property
    def description(self) -> Description:
        with _opened(self._paths[0]) as image:
            height, width = self.resize or (image.height, image.width)
            channels = CHANNELS[self.channels or _sort(self._paths[0], image)]
        return Description((height, width, channels), len(self._class_names), self._class_names)

    @property
    def source(self) -> str:
        return f"{len(self._paths)} pictures of the folder {self.folder}"

    def load(self, generator: numpy.random.Generator) -> RealData:
        x = np.empty((len(self._paths), *self.description.shape), dtype=np.uint8)
        for row, path in enumerate(self._paths):
            x[row] = self._pixels(path)
        names = self._class_names
        y = np.array([names.index(path.parent.name) if names else 0 for path in self._paths])
        return self.divided(x, y, generator)

    def _pixels(self, path: Path) -> Array:
        """Pixels (height, width, channels) uint8 of a picture.

        Raises RecurateError if it cannot be read, or has another size or other channels than the first.
        """
        from PIL import ImageOps

        height, width, channels = self.description.shape
        with _opened(path) as image:
            sort = self.channels or _sort(path, image)
            if CHANNELS[sort] != channels:
                raise RecurateError(
                    f"{path}: is in {sort} and {self._paths[0]} is not; say channels: grey or channels: colour"
                )
            try:
                pixels = image.convert(PIXELS[sort])
            except (OSError, SyntaxError, ValueError) as error:
                raise RecurateError(f"{path}: cannot be read as a picture ({error}); replace it") from error
        if self.resize:
            pixels = ImageOps.fit(pixels, (width, height))
        elif (pixels.height, pixels.width) != (height, width):
            raise RecurateError(
                f"{path}: is {pixels.height} x {pixels.width} pixels (height x width), the first picture "
                f"{height} x {width}; say resize: [{height}, {width}], or another size"
            )
        return np.asarray(pixels).reshape(height, width, channels)


def _pictures(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() in SUFFIXES and path.is_file())


def _opened(path: Path) -> Image.Image:
    """A picture, turned as its camera says, whose pixels need not be read yet. Raises RecurateError if it is none."""
    from PIL import Image, ImageOps

    try:
        image = Image.open(path)
        ImageOps.exif_transpose(image, in_place=True)
        return image
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise RecurateError(f"{path}: cannot be read as a picture ({error}); replace it") from error


def _sort(path: Path, image: Image.Image) -> str:
    """Whether a picture is in grey or in colour.

    Raises RecurateError if it has transparent parts or more than 8 bits a channel, which would be lost.
    """
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        raise RecurateError(f"{path}: has transparent parts; save it without, or say channels: colour to drop them")
    if image.mode not in OF_MODES:
        raise RecurateError(f"{path}: has pixels of the mode {image.mode}; save it with 8 bits a channel")
    return OF_MODES[image.mode]
