"""Components: the exchangeable parts of a study, each one class with a validated configuration.

A family is a folder of this library (`rewards/`, `models/`, ..); a kind is a module in it, or the path of a Python file
outside it. The module holds one subclass of the family's base class, which is all the registration there is: adding a
reward, a model or a metric changes no other file.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from recurate.errors import RecurateError

FAMILIES = (
    "data", "judges", "models", "objectives", "samplers", "rewards", "curation", "features", "metrics", "estimators",
)  # fmt: skip
LIBRARY = Path(__file__).parent


class Settings(BaseModel):
    """Base of every configuration block: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    other_spellings: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _only_known_keys(cls, values: Any) -> Any:
        for key in values if isinstance(values, dict) else ():
            if key not in cls.model_fields:
                known = ", ".join((*cls.model_fields, *cls.other_spellings))
                raise PydanticCustomError(
                    "unknown_key", "unknown key '{key}'; known are {known}", {"key": key, "known": known}
                )
        return values


class Component(Settings):
    """Base of every exchangeable part; its fields are the keys of its block in a study file."""

    kind: str = Field(description="module of this family, or the path of a Python file with a class of your own")


Kind = TypeVar("Kind", bound=Component)


def kinds(family: str) -> list[str]:
    """Names of the kinds that the library ships in `family`, sorted."""
    return sorted(module.name for module in pkgutil.iter_modules([str(LIBRARY / family)]))


def module_file(family: str, kind: str) -> Path:
    """File that defines `kind`; it need not be imported for this.

    Raises RecurateError if there is no such module and no such file.
    """
    path = Path(kind) if kind.endswith(".py") else LIBRARY / family / f"{kind}.py"
    if path.name == "__init__.py" or not path.is_file():
        raise RecurateError(
            f"unknown kind {kind!r}; known are {', '.join(kinds(family))}, or name an existing .py file"
        )
    return path


def import_kind(family: str, kind: str) -> ModuleType:
    """Import the module of `kind`, which for a path gets a name made from that path.

    Raises RecurateError if the file of a path cannot be executed.
    """
    path = module_file(family, kind)
    if not kind.endswith(".py"):
        return importlib.import_module(f"recurate.{family}.{kind}")
    name = f"recurate_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None, path
        sys.modules[name] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[name])
        except Exception as error:
            del sys.modules[name]  # a second attempt must not find the half that was executed
            reason = str(error).partition("\n")[0]
            raise RecurateError(f"{path} cannot be imported ({type(error).__name__}: {reason}); mend it") from error
    return sys.modules[name]


def component_class(base: type[Kind], family: str, kind: str) -> type[Kind]:
    """The one subclass of `base` that the module of `kind` defines.

    Raises RecurateError if the module holds none or several, or one with methods missing.
    """
    module = import_kind(family, kind)
    found = {
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value.__module__ == module.__name__
    }
    if len(found) != 1:
        raise RecurateError(
            f"{module.__file__} must define exactly one subclass of {base.__name__}, it has {len(found)}"
        )
    (only,) = found
    if missing := sorted(getattr(only, "__abstractmethods__", ())):
        raise RecurateError(f"{module.__file__}: {only.__name__} must also define {', '.join(missing)}")
    return only


def load(base: type[Kind], family: str, spec: Any) -> Kind:
    """Build the component that a block of a study file describes.

    `spec` is a mapping with the key `kind` and that kind's own keys, or a component already built.
    """
    if isinstance(spec, base):
        return spec
    if not isinstance(spec, dict) or not isinstance(spec.get("kind"), str):
        raise RecurateError(f"must be a mapping with the key 'kind', one of {', '.join(kinds(family))}")
    return component_class(base, family, spec["kind"]).model_validate(spec)


def embedded(base: type[Component], family: str) -> BeforeValidator:
    """Validator of a setting that is a component: builds it from its block of a study file."""
    return BeforeValidator(partial(_embed, base, family))


def _embed(base: type[Component], family: str, spec: Any) -> Component:
    try:
        return load(base, family, spec)
    except ValidationError as error:
        raise PydanticCustomError("component", "invalid", {"inner": error.errors(include_url=False)}) from error
    except RecurateError as error:
        raise ValueError(str(error)) from error
