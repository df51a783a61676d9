"""Components: the exchangeable parts of a study, each one class with a validated configuration.

A family is a package of this library (`curation.rewards`, `models`, ..) and the base class in its `__init__`. A kind
is a plain module of that package, or the path of a Python file outside it; what kinds share lies in subpackages,
`parts/`. The module holds one subclass of the base class, which is all the registration there is: adding a reward, a
model or a metric changes no other file.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import os
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import TypeVar, cast

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from recurate.foundation.contract import Given, gives, hold, tell
from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import OWN, guarded, is_interrupt, staying, text_of
from recurate.foundation.places import found, roots
from recurate.foundation.quoting import nearest, quoted
from recurate.foundation.results import got
from recurate.foundation.settings import Settings


def _files(_: Component, __: Given, value: object) -> tuple[str, ...]:
    """Paths of files that are there."""
    if not isinstance(value, tuple | list):
        raise ValueError(f"gave {got(value)}; wanted is a tuple of paths")
    for path in value:
        if not isinstance(path, str | Path) or not str(path):
            raise ValueError(f"gave the path {got(path)}; wanted are texts")
        if {"{", "}"} & set(str(path)):
            raise ValueError(f"gave {str(path)!r}: Snakemake takes braces for wildcards, rename the file")
        if not Path(path).is_file():
            what = "a folder, name every file in it" if Path(path).is_dir() else "no such file"
            raise ValueError(f"gave {str(path)!r}: {what}")
    return tuple(map(str, value))


class Component(Settings):
    """Base of every exchangeable part; its fields are the keys of its block in a study file."""

    # The schema says no default: in a study file the key is needed.
    kind: str = Field(
        default_factory=str, description="module of this family, or the path of a Python file with a class of your own"
    )

    @model_validator(mode="before")
    @classmethod
    def _named_after_its_module(cls, values: object) -> object:
        """What a study file must say follows for a component built in Python from its class."""
        return {"kind": kind_of(cls), **values} if isinstance(values, dict) and "kind" not in values else values

    @property
    def is_own(self) -> bool:
        """Whether it is a user's own, which this library has not tested."""
        return self.kind.endswith(".py")

    @property
    @gives(_files)
    def files(self) -> tuple[str, ...]:
        """Files beside its module that it opens, such as a list of words; what uses it runs again when one changes.

        Of a folder every file in it, so that one that is added counts too. Paths start at the working directory.
        """
        return ()


Kind = TypeVar("Kind", bound=Component)


def folder(base: type[Component]) -> Path:
    """Folder of a family, given its base class."""
    return Path(inspect.getfile(base)).parent


def kinds(base: type[Component]) -> list[str]:
    """Names of the kinds that the library ships in a family, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(folder(base))]) if not module.ispkg)


def module_file(base: type[Component], kind: str) -> Path:
    """File that defines `kind`; it need not be imported for this.

    Raises RecurateError if there is no such module and no such file.
    """
    own = kind.endswith(".py")
    path = found(kind) if own else folder(base) / f"{kind}.py"
    if path.name == "__init__.py" or not (own or kind.isidentifier()) or not os.path.isfile(path):
        known, near = kinds(base), nearest(kinds(base), kind)
        raise RecurateError(
            f"unknown kind {quoted(kind)}; known are {', '.join(known)}, or name an existing .py file{near}"
        )
    return path


def import_kind(base: type[Component], kind: str) -> ModuleType:
    """Import the module of `kind`.

    A path's folder becomes a package with a name of its own, so that its module may import others beside it, by
    `from .other import name`; and others by their path from the working directory or the project's folder, by
    `from folder.other import name`.
    Raises RecurateError if the file of a path cannot be executed.
    """
    name = f"{base.__module__}.{kind}"
    known = sys.modules.get(name)  # a parse of the Snakefile asks hundreds of times
    if known and kind.isidentifier() and not hasattr(known, "__path__"):
        return known
    path = module_file(base, kind)
    if not kind.endswith(".py"):
        return importlib.import_module(name)
    file = path.resolve()  # a link stands for what it leads to
    if file.suffix != ".py" or "." in file.stem:
        raise RecurateError(f"{path}: Python imports files named NAME.py, without another dot; rename {file.name}")
    package = _package(file.parent)
    sys.path += [root for root in map(str, roots()) if root not in sys.path]  # last, to hide nothing that is installed
    try:
        with staying(str(path)):
            return importlib.import_module(f"{package}.{file.stem}")
    except BaseException as error:  # sys.exit too, which would end Snakemake as if all were done
        if isinstance(error, RecurateError) or is_interrupt(error):
            raise
        reason = text_of(error).partition("\n")[0]
        missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        remedy = f"write from .{missing} import .." if (file.parent / f"{missing}.py").is_file() else "mend it"
        raise RecurateError(f"{path} cannot be imported ({type(error).__name__}: {reason}); {remedy}") from error


def _package(folder: Path) -> str:
    """Name of the package that a folder of a user's own becomes."""
    name = f"{OWN}{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(folder)]
    return name


def kind_of(component: type[Component]) -> str:
    """The kind that a class is: its module's name in this library, the path of its file elsewhere."""
    module = component.__module__
    if module.partition(".")[0] == __name__.partition(".")[0]:
        return module.rpartition(".")[2]
    return getattr(sys.modules.get(module), "__file__", None) or component.__name__  # one that was typed in has no file


def component_class(base: type[Kind], kind: str) -> type[Kind]:
    """The one subclass of `base` that the module of `kind` defines.

    Raises RecurateError if the module holds none or several, or one with methods missing.
    """
    return cast("type[Kind]", _class_in(import_kind(base, kind), base))


@cache
def _class_in(module: ModuleType, base: type[Component]) -> type[Component]:
    classes = {
        value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and name.isidentifier()  # pydantic leaves base classes with their parameters here, such as Base[int]
    }
    if len(classes) != 1:
        raise RecurateError(
            f"{module.__file__} must define exactly one subclass of {base.__name__}, it has {len(classes)}"
        )
    (only,) = classes
    if missing := sorted(getattr(only, "__abstractmethods__", ())):
        raise RecurateError(f"{module.__file__}: {only.__name__} must also define {', '.join(missing)}")
    if module.__name__.startswith(OWN):
        hold(only, family(base))
    return only


def family(base: type[Component]) -> str:
    """How sentences name a family."""
    return base.__name__.lower()


def load(base: type[Kind], spec: object) -> Kind:
    """Build the component that a block of a study file describes.

    `spec` is a mapping with the key `kind` and that kind's own keys, or a component already built.
    """
    if isinstance(spec, base):
        return spec
    match spec:
        case {"kind": str(kind)}:
            component = component_class(base, kind)
            return _loaded(component, spec, base) if kind.endswith(".py") else component.model_validate(spec)
    raise RecurateError(f"must be a mapping with the key 'kind', one of {', '.join(kinds(base))}")


def _loaded(own: type[Kind], spec: object, base: type[Component]) -> Kind:
    """A component of a user's own, which says at once what of itself is wrong."""
    with guarded(f"{family(base)}: {inspect.getfile(own)}: {own.__name__}", passing=ValidationError):
        component = own.model_validate(spec)
    tell(component, family(base))
    return component


def embedded(base: type[Component]) -> BeforeValidator:
    """Validator of a setting that is a component: builds it from its block of a study file."""
    return BeforeValidator(partial(_embed, base))


def embedded_from(package: str, name: str) -> BeforeValidator:
    """The same for the family of the base class `name` of a package that is imported only where a value is given."""

    def embed(spec: object) -> object:
        return None if spec is None else _embed(getattr(importlib.import_module(package), name), spec)

    return BeforeValidator(embed)


def components_in(value: object) -> Iterator[Component]:
    """Every component that settings hold at any depth, the settings themselves among them."""
    if isinstance(value, Component):
        yield value
    if isinstance(value, BaseModel):
        value = [part for _, part in value]
    elif isinstance(value, dict):
        value = list(value.values())
    for part in value if isinstance(value, list | tuple) else ():
        yield from components_in(part)


def file_of(component: Component) -> Path:
    """File of the module that defines a component's kind."""
    return Path(inspect.getfile(type(component)))


def _embed(base: type[Component], spec: object) -> Component:
    try:
        return load(base, spec)
    except ValidationError as error:
        raise PydanticCustomError("component", "invalid", {"inner": error.errors(include_url=False)}) from error
    except RecurateError as error:
        raise ValueError(str(error)) from error
