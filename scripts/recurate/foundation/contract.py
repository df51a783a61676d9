"""What a family asks of a component of a user's own, held to it wherever it is called.

A family's base class is its interface. What a method gives is told by its annotation or, where that says too little,
by a check (`gives`). When a class of a user's own is loaded, the methods and properties that it defines are wrapped
once (`hold`), so that whoever calls them, a stage, a figure or another component, gets what the interface says or a
RecurateError that names family, file and method. Kinds of this library are tested instead, and pay nothing.

Own code is given copies of arrays, which cannot be written; a tensor that it changes in place is an error.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, SimpleNamespace
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from recurate.foundation.errors import RecurateError
from recurate.foundation.guard import OWN, guarded, refusing, text_of
from recurate.foundation.results import got, is_array, is_tensor

if TYPE_CHECKING:
    from torch import Tensor

LIBRARY = f"{__name__.partition('.')[0]}."
CHECK, HELD, IS_TOLD = "__gives__", "__held__", "__told__"  # of functions: their check, wrapped, wrapped property
REFUSES = "check"  # the method by which a component refuses settings, with a ValueError
Method = TypeVar("Method")
Part = TypeVar("Part")
Given = SimpleNamespace  # arguments of a call by name
Check = Callable[[Part, Given, object], object]  # of component, arguments and what it gave: what is handed on


def gives(check: Check[Part]) -> Callable[[Method], Method]:
    """Hold what a method or property gives, where a class of a user's own defines it, to `check`.

    The check returns what is handed on, and raises ValueError with what was given and what is wanted.
    """

    def mark(method: Method) -> Method:
        setattr(method, CHECK, check)
        return method

    return mark


def hold(cls: type[BaseModel], family: str) -> None:
    """Wrap what a class of a user's own defines of its family's interface, and look at its constants.

    Raises RecurateError for a method in the place of a property or the other way round, for one that takes other
    arguments, and for constants that are missing or of another type.
    """
    where = f"{family}: {inspect.getfile(cls)}: {cls.__name__}"
    for own in _own_classes(cls):
        for name, member in list(vars(own).items()):
            asked = [vars(base)[name] for base in _library_classes(cls) if name in vars(base)]
            if not asked or (name.startswith("_") and name != "__call__"):
                continue
            if isinstance(asked[0], property):
                setattr(own, name, _held_property(member, asked, f"{where}.{name}", family))
            elif inspect.isfunction(asked[0]):
                setattr(own, name, _held_method(member, asked, f"{where}.{name}", family))
    for name, (text, module) in _constants(cls).items():
        _check_constant(cls, name, text, module, where)


def tell(component: BaseModel, family: str) -> None:
    """Ask a component of a user's own for all that it says of itself, so that what is wrong is said at once.

    Raises RecurateError where a property does not give what its family asks, or settings cannot be written down.
    """
    cls = type(component)
    for name in dict.fromkeys(name for own in _own_classes(cls) for name in vars(own)):
        if getattr(_function(inspect.getattr_static(cls, name)), IS_TOLD, False):
            getattr(component, name)
    for name in cls.model_fields:  # a key in the place of a property
        asked = [vars(base)[name] for base in _library_classes(cls) if name in vars(base)]
        if asked and isinstance(asked[0], property):
            what = f"{_place(component, family)}: {name}"
            _checked(check_of(asked), component, Given(), getattr(component, name), what)
    what = f"{_place(component, family)}: its settings"
    with guarded(f"{what}, written down and read again,"):
        are_the_same = cls.model_validate(component.model_dump(mode="json")) == component
    if not are_the_same:
        raise RecurateError(f"{what} are others when they are written down as JSON and read again; mend their types")


def lent(value: object, tensors: list[Tensor]) -> object:
    """What own code may look at in place of `value`; every tensor in it is put on the list.

    Arrays are copies that cannot be written, also inside others. Networks with their parameters are given as they are.
    """
    if is_tensor(value):
        tensors.append(value)
        return value
    if is_array(value):
        copied = value.copy(order="K")
        copied.flags.writeable = False
        return copied
    if isinstance(value, list):
        return [lent(part, tensors) for part in value]
    if isinstance(value, dict):
        return {name: lent(part, tensors) for name, part in value.items()}
    if not _is_record(value):
        return value
    if any(isinstance(part, BaseModel) for part in vars(value).values()):
        tensors.extend(tensors_in(vars(value)))
        return value
    return dataclasses.replace(value, **{name: lent(part, tensors) for name, part in vars(value).items()})  # type: ignore[type-var]


def tensors_in(value: object) -> Iterator[Tensor]:
    """Every tensor in a value, within mappings at any depth."""
    if is_tensor(value):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from tensors_in(part)


def _is_record(value: object) -> bool:
    """Whether it is an object of a dataclass of this library."""
    return type(value).__module__.startswith(LIBRARY) and dataclasses.is_dataclass(value)


def _own_classes(cls: type) -> list[type]:
    return [each for each in cls.__mro__ if each.__module__.startswith(OWN)]


def _library_classes(cls: type) -> list[type]:
    return [each for each in cls.__mro__ if each.__module__.startswith(LIBRARY)]


def _function(member: object) -> object:
    return member.fget if isinstance(member, property) else member


def _place(component: BaseModel, family: str) -> str:
    return f"{family}: {getattr(component, 'kind', type(component).__name__)}"


def _held_property(member: object, asked: list[object], where: str, family: str) -> object:
    if inspect.isfunction(member):
        raise RecurateError(f"{where} is a method, wanted as a property; write @property above it")
    if getattr(_function(member), HELD, False):
        return member
    check, name = check_of(asked), where.rpartition(".")[2]

    def get(component: BaseModel) -> object:
        what = f"{_place(component, family)}: {name}"
        with guarded(what):
            value = member.__get__(component) if hasattr(member, "__get__") else member
        return _checked(check, component, Given(), value, what)

    setattr(get, HELD, True)
    setattr(get, IS_TOLD, True)
    return property(get)


def _held_method(member: object, asked: list[object], where: str, family: str) -> object:
    if getattr(member, HELD, False):
        return member
    if not inspect.isfunction(member):
        raise RecurateError(f"{where} is no method, wanted as one that takes {_arguments(asked[0])}")
    _check_arguments(member, asked[0], where)
    check, name = check_of(asked), where.rpartition(".")[2]
    names = list(inspect.signature(_as_function(asked[0])).parameters)[1:]
    guard = refusing if name == REFUSES else guarded

    @functools.wraps(member)
    def call(component: BaseModel, *given: object, **named: object) -> object:
        what = f"{_place(component, family)}: {name}"
        with guard(what):
            tensors: list[Tensor] = []
            shown = [lent(part, tensors) for part in given]
            by_name = {key: lent(part, tensors) for key, part in named.items()}
            versions = [tensor._version for tensor in tensors]
            value = member(component, *shown, **by_name)
        if versions != [tensor._version for tensor in tensors]:
            raise RecurateError(f"{what} changes a tensor that it is given, in place; let it work on a copy")
        arguments = Given(**dict(zip(names, shown, strict=False)), **by_name)
        return _checked(check, component, arguments, value, what)

    setattr(call, HELD, True)
    return call


def _checked(check: Check[BaseModel], component: BaseModel, given: Given, value: object, what: str) -> object:
    try:
        with guarded(what, passing=ValueError):  # for looking at an object runs code of it
            return check(component, given, value)
    except ValueError as error:
        raise RecurateError(f"{what} {text_of(error)}; mend it") from error


def check_of(asked: list[object]) -> Check[BaseModel]:
    """The check of what a method or property gives, by its definitions in the library, the nearest first."""
    for definition in map(_function, asked):
        if check := getattr(definition, CHECK, None):
            return check
    return _by_annotation(_as_function(_function(asked[0])))


def _as_function(definition: object) -> FunctionType:
    assert inspect.isfunction(definition)
    return definition


def _by_annotation(function: FunctionType) -> Check[BaseModel]:
    """A check by the annotation of what is given; none where that names what is imported for annotations alone."""
    text = str(function.__annotations__.get("return", "object"))

    def check(_: BaseModel, __: Given, value: object) -> object:
        adapter = adapter_of(text, function.__module__)
        if adapter is None:
            return value
        try:
            return adapter.validate_python(_plain(value), strict=True)
        except ValidationError as error:
            wanted = "nothing; to refuse, it raises ValueError with a sentence" if text == "None" else text
            raise ValueError(f"gave {got(value)}; wanted is {wanted}") from error

    return check


@functools.cache
def adapter_of(text: str, module: str) -> TypeAdapter[object] | None:
    """What values of a type, given as text in a module, are compared with; None if it is no type at run time."""
    holder = type("Holder", (), {"__annotations__": {"hint": text}})
    try:
        hint = typing.get_type_hints(holder, vars(sys.modules[module]))["hint"]
        return TypeAdapter(typing.get_args(hint)[0] if typing.get_origin(hint) is typing.ClassVar else hint)
    except (NameError, PydanticUserError):
        return None


def _plain(value: object) -> object:
    """A number of NumPy's types as one of Python's."""
    is_scalar = "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].generic)
    return value.item() if is_scalar else value  # type: ignore[attr-defined]


def _arguments(definition: object) -> str:
    parameters = list(inspect.signature(_as_function(definition)).parameters.values())
    return f"({', '.join(each.name for each in parameters)})"


def _check_arguments(member: FunctionType, wanted: object, where: str) -> None:
    """Raise RecurateError unless a method can be called with what its family gives; what has a default may lack."""
    needed = [
        each for each in inspect.signature(_as_function(wanted)).parameters.values() if each.default is each.empty
    ]
    try:
        inspect.signature(member).bind(*needed)
    except TypeError as error:
        raise RecurateError(
            f"{where} takes {_arguments(member)}, wanted is {_arguments(wanted)}; mend its arguments"
        ) from error


def _constants(cls: type) -> dict[str, tuple[str, str]]:
    """Constants that the library declares for a class: their types and the module where these are known."""
    return {
        name: (str(text), base.__module__)
        for base in reversed(_library_classes(cls))
        for name, text in inspect.get_annotations(base).items()
        if str(text).startswith("ClassVar[")
    }


def _check_constant(cls: type, name: str, text: str, module: str, where: str) -> None:
    if not hasattr(cls, name):
        raise RecurateError(f"{where} must also define {name}")
    adapter = adapter_of(text, module)
    if adapter is None or not any(name in vars(own) for own in _own_classes(cls)):
        return
    try:
        adapter.validate_python(getattr(cls, name), strict=True)
    except ValidationError as error:
        wanted = text.removeprefix("ClassVar[").removesuffix("]")
        raise RecurateError(f"{where}.{name} is {got(getattr(cls, name))}; wanted is {wanted}; mend it") from error
