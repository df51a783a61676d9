"""What the Snakefile has to do with Snakemake itself: targets, sentences that end it, its scheduler, its groups,
the memory of its jobs.

The parts of Snakemake that are touched here and not public were seen with version 9.27.1; without them nothing happens.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import yaml

from recurate.foundation.errors import RecurateError
from recurate.foundation.places import PROJECT, SCRIPTS, found
from recurate.foundation.quoting import shortened
from recurate.study.config import Config
from recurate.study.reading import CONFIG, as_config
from recurate.study.yaml_files import parse, read_mapping
from recurate.workflow.claims import at_work
from recurate.workflow.folders import check_folder

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
LOCKS = Path(".snakemake/locks")
DEFAULT_RATE = (100, 1)  # jobs per seconds, Snakemake's own limit


class Workflow(Protocol):
    """Snakemake's workflow."""

    is_main_process: bool


def is_module(workflow: object) -> bool:
    """Whether another workflow includes this one as a module, whose command line and default target are its own."""
    is_main = getattr(getattr(workflow, "modifier", None), "is_main_snakefile", None)
    return callable(is_main) and not is_main()


def check_places(workflow: object, scripts: str) -> None:
    """Raise RecurateError where the workflow in the folder of `scripts` cannot work as it was called, or where."""
    check_words(sys.argv[1:])
    check_files(workflow)
    check_library(scripts)
    check_working_directory()
    check_module(workflow)


def check_files(workflow: object) -> None:
    """Raise RecurateError for a file of `--configfile` that is not what it looks like, unless this is a module."""
    for path in () if is_module(workflow) else getattr(getattr(workflow, "config_settings", None), "configfiles", ()):
        read_mapping(Path(path))


def check_working_directory() -> None:
    """Raise RecurateError if the working directory cannot hold Snakemake's notes."""
    notes = Path(".snakemake")
    if not os.access(notes if notes.exists() else ".", os.W_OK):
        raise RecurateError(
            f"{Path.cwd()} cannot be written to, but Snakemake keeps its notes in it; work in a folder of your own: "
            f"snakemake --directory FOLDER --snakefile {PROJECT / 'Snakefile'} (docs/places.md)"
        )


def check_module(workflow: object) -> None:
    """Raise RecurateError for a module with a prefix, which would change paths in rules but not in settings."""
    paths = getattr(getattr(workflow, "modifier", None), "path_modifier", None)
    if getattr(paths, "prefix", None) or getattr(paths, "_prefix_replacements", None):
        raise RecurateError("module: prefix and replace_prefix are not for this workflow; give config a key results")


def check_library(scripts: str) -> None:
    """Raise RecurateError where Python has imported another `recurate` than the one in the folder `scripts`."""
    if not SCRIPTS.samefile(scripts):
        raise RecurateError(
            f"Python finds the package recurate in {SCRIPTS}, but this workflow needs its own in {scripts}; "
            f"uninstall it, or let it be this one: pip install -e {Path(scripts).parent}"
        )


def targets(workflow: object, studies: Collection[str]) -> list[str] | None:
    """Targets of the running `snakemake` command, empty for its default; None where the command is a job's.

    Another workflow that has this one as a module names targets of its own, so that it asks for the default here.

    Snakemake itself hands targets over only after parsing. Its own parser reads the command line here, and because
    that takes a tenth of a second, only if a word is there that is neither an option, a number nor a study. Relative
    paths are normal, as Snakemake takes them.
    """
    if not getattr(workflow, "is_main_process", True):
        return None
    words = sys.argv[1:] if Path(sys.argv[0]).name == "snakemake" and not is_module(workflow) else []
    if not any(w not in studies and not w.startswith("-") and not w.isdigit() for w in words):
        return [word for word in words if word in studies]
    from snakemake.cli import get_argument_parser

    found = get_argument_parser().parse_known_args(words)[0].targets
    return [os.path.relpath(word) if "/" in word and not os.path.isabs(word) else word for word in found]


def check_words(words: Sequence[str]) -> None:
    """Raise RecurateError for what is said twice after `--config`, is no YAML, or not what it looks like.

    Snakemake itself takes the last of two equal keys, and of two `--config` the last; 010 and 1_0 are 10 to it.
    """
    if sum(word.partition("=")[0] in ("--config", "-C") for word in words) > 1:
        raise RecurateError("--config is given twice, of which Snakemake takes the last; write all keys after one")
    said = [pair for word in words if (pair := word.partition("="))[0] in Config.model_fields]
    for place, (key, _, value) in enumerate(said):
        if key in [other for other, *_ in said[:place]]:
            raise RecurateError(f"--config {key}: is given twice; leave one out")
        if value.lstrip().startswith(("{", "[")) or Config.model_fields[key].annotation in (int, float):
            try:
                parse(value)
            except yaml.YAMLError as error:
                why = shortened(str(getattr(error, "problem", None) or error))
                raise RecurateError(f"--config {key}: not valid YAML ({why})") from error


def given(workflow: object) -> list[str]:
    """Keys of the configuration that the command names, by `--config` or `--configfile`; of a module none."""
    settings = getattr(workflow, "config_settings", None)
    return [] if is_module(workflow) else list(getattr(settings, "overwrite_config", ()))


def configured(words: Sequence[str]) -> Config:
    """The configuration as a `snakemake` command with these words takes it; raises RecurateError.

    A usage that Snakemake does not know ends the process with its sentence.
    """
    from snakemake.cli import get_argument_parser, parse_config
    from snakemake.utils import update_config

    command = get_argument_parser().parse_known_args(list(words))[0]
    named: dict[str, object] = {}
    for path in command.configfile or ():
        update_config(named, read_mapping(Path(path)))
    update_config(named, parse_config(command.config))
    settings: dict[str, object] = {**read_mapping(found(CONFIG))}
    update_config(settings, named)
    config = as_config(settings, named)
    check_folder("results", config.results)
    return config


def announce(workflow: object, notices: Iterable[str]) -> None:
    """Say what a command should know before its plan, but not in every one of its jobs."""
    for notice in notices if getattr(workflow, "is_main_process", True) else ():
        print(notice, file=sys.stderr)


def or_stop(call: Callable[Arguments, Result], *arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
    """What a call returns; a RecurateError, a mistake in the settings, ends Snakemake with a sentence a line."""
    try:
        return call(*arguments, **named)
    except RecurateError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))


def say_how_to_go_on(workflow: Workflow) -> None:
    """Where the folder is locked, say by whom, or what goes on after a run that was killed; Snakemake tells neither.

    A run through `make study` has removed the lock before it comes here, and an unlocking one needs no advice.
    """
    if workflow.is_main_process and "--unlock" not in sys.argv and any(LOCKS.glob("*.lock")):
        holder = at_work(LOCKS.parent)
        killed = (
            "a run that was killed; make study goes on, with all that may follow snakemake in ARGS: make study ARGS=x"
        )
        print(f"this folder is locked by {holder or killed}", file=sys.stderr)


def look_at_waiting_jobs_once(workflow: object) -> bool:
    """Take Snakemake's default limit of jobs per time away; a limit of the user's own stays. Returns whether it did.

    With a limit Snakemake 9 looks at all waiting jobs again a second after every look, and once more for every job that
    has ended: after some hundreds that takes a third of a core.
    """
    scheduler = getattr(workflow, "scheduler", None)
    limiter = getattr(scheduler, "job_rate_limiter", None)
    if (getattr(limiter, "max_jobs", None), getattr(limiter, "timespan", None)) != DEFAULT_RATE:
        return False
    scheduler.job_rate_limiter = None  # type: ignore[union-attr]
    return True


def keep_freed_memory(environment: MutableMapping[str, str]) -> None:
    """Let jobs, which inherit the `environment`, keep up to 128 MB of freed memory for their next arrays.

    By default glibc gives most of it back at once, and every array of some megabytes is asked for anew, page by page:
    half of the time of a simulation with kernel densities. What the user has set stays; other C libraries take no
    notice.
    """
    environment.setdefault("MALLOC_MMAP_THRESHOLD_", str(32 * 2**20))
    environment.setdefault("MALLOC_TRIM_THRESHOLD_", str(128 * 2**20))


class Graph(Protocol):
    """What is looked at of Snakemake's graph: what every job depends on, and the group of those that have one."""

    _dependencies: Mapping[object, Iterable[object]]
    _group: Mapping[object, object]


def groups_in_a_circle(graph: Graph) -> bool:
    """Whether some groups wait for each other or for themselves, by a look at every dependency once."""
    group, needs = graph._group, dict[int, set[int]]()
    for job, dependencies in graph._dependencies.items():
        own = id(group.get(job, job))
        needs.setdefault(own, set()).update(id(group.get(other, other)) for other in dependencies)
        needs[own].discard(own)
    try:
        TopologicalSorter(needs).prepare()
    except CycleError:
        return True
    return False


def check_groups_in_one_pass(dag: type) -> bool:
    """Let Snakemake's class of graphs look at every dependency once when it checks groups; returns whether it does.

    Snakemake 9 follows every job of every group back to the first generation: that takes the square of the generations,
    and because it calls itself for every job on the way, ends Python's stack at some 300 of them. Where no groups wait
    for each other there is nothing to be found so; where they do, its own checks say what is wrong.
    """
    of_group, of_all = getattr(dag, "validate_group", None), getattr(dag, "_check_groups", None)
    if not (callable(of_group) and callable(of_all)) or getattr(of_all, "__name__", "") != "_check_groups":
        return False

    def later(_graph: Graph, _group: object) -> None:
        """Nothing: all groups are looked at together."""

    def at_once(graph: Graph) -> None:
        if groups_in_a_circle(graph):
            for group in set(graph._group.values()):
                of_group(graph, group)
            of_all(graph)

    dag.validate_group, dag._check_groups = later, at_once  # type: ignore[attr-defined]
    return True
