from pathlib import Path

from pydantic import Field

from recurate.data import Data, Description, RealData
from recurate.foundation.errors import RecurateError
from recurate.foundation.lazy import np


class Images(Data):
    """Photographs of one size, PNG files in a folder for each class; a fifth of them is held out."""

    folder: str = Field(description="folder of the classes' folders")
    width: int = Field(ge=1, description="pixels of a row")
    height: int = Field(ge=1, description="pixels of a column")

    @property
    def files(self):
        return sorted(str(path) for path in Path(self.folder).glob("*/*.png"))

    @property
    def description(self):
        classes = tuple(sorted({Path(path).parent.name for path in self.files}))
        if not classes:
            raise RecurateError(f"{self.folder}: there are no PNG files in the folders of classes in it")
        return Description((self.height, self.width, 3), len(classes), classes)

    def load(self, generator):
        from PIL import Image

        x, y, classes = [], [], self.description.class_names
        for path in generator.permutation(self.files):
            with Image.open(path) as image:
                if image.size != (self.width, self.height):
                    raise RecurateError(
                        f"{path}: {image.width} x {image.height} pixels, wanted are {self.width} x {self.height}; make "
                        "all of one size, for one by `mogrify -resize WIDTHxHEIGHT! FILES` of ImageMagick"
                    )
                x.append(np.asarray(image.convert("RGB")))
            y.append(classes.index(Path(path).parent.name))
        x, y, held_out = np.stack(x), np.array(y), len(x) // 5
        return RealData(x[held_out:], y[held_out:], x[:held_out], y[:held_out])
