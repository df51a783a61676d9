"""What happens when Snakemake has planned: why jobs run again is said, and what records told is remembered.

The parts of Snakemake that are touched here and not public were seen with version 9.27.1.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Protocol

from snakemake.persistence import ParamsChange
from snakemake.settings.enums import Quietness

from recurate.files.paths import Layout
from recurate.workflow import memory, reasons
from recurate.workflow.command_line import or_stop
from recurate.workflow.memory import Persistence

MISSING = "files that are not there yet"
FOLLOWS = "what follows from these"
LAST = {MISSING: 1, FOLLOWS: 2}  # no reasons by themselves


class Job(Protocol):
    """A job of Snakemake's graph."""

    rule: Named
    input: Collection[str]
    output: Collection[str]
    params: Params
    wildcards: Params


class Named(Protocol):
    name: str


class Params(Protocol):
    """Values by name."""

    def get(self, name: str, default: object = None) -> object: ...


class Reason(Protocol):
    """What Snakemake notes of a job that it runs."""

    forced: bool
    input_changed: bool
    incomplete_output: Collection[str]
    missing_output: Collection[str]
    updated_input: Collection[str]
    updated_input_run: Collection[str]


class Memory(Persistence, Protocol):
    """Snakemake's memory, as far as it is asked here."""

    def params_changed(self, job: Job, file: str | None = None) -> ParamsChange: ...

    def input_changed(self, job: Job) -> Iterable[bool]: ...


class Explained(ParamsChange):
    """A change of params that says in words what changed, where Snakemake prints both in full."""

    def __init__(self, change: ParamsChange, text: str) -> None:
        super().__init__(change.only_old, change.only_new, change.files)
        self.text = text

    def __str__(self) -> str:
        return self.text


class Executing(Protocol):
    dryrun: bool
    touch: bool
    executor_plugin: object
    output_settings: Quiet
    persistence: Memory


class Quiet(Protocol):
    quiet: Collection[Quietness] | None


class Graph(Protocol):
    """Snakemake's graph of jobs."""

    workflow: Executing
    max_checksum_file_size: int

    async def update_needrun(self, create_inventory: bool = False) -> None: ...

    def toposorted(self) -> Iterable[Iterable[Job]]: ...

    def needrun_jobs(self) -> Iterable[Job]: ...

    def reason(self, job: Job) -> Reason: ...


def watch_plans(dag: type[Graph], persistence: type[Memory], layout: Layout) -> None:
    """Say of every plan why jobs run again; before a run, keep what the next plan is compared with."""
    update, params_changed = dag.update_needrun, persistence.params_changed
    if update.__name__ == "watched":  # of a Snakefile that takes this one in twice
        return

    async def watched(self: Graph, create_inventory: bool = False) -> None:
        self.max_checksum_file_size = memory.ANY_SIZE  # Snakemake has checksums of small files only, records of all
        await update(self, create_inventory)
        if create_inventory:
            say(self)
            if self.workflow.executor_plugin and not self.workflow.dryrun and not self.workflow.touch:
                or_stop(keep, self, layout)

    def explained(self: Memory, job: Job, file: str | None = None) -> ParamsChange:
        change = params_changed(self, job, file)
        return Explained(change, _in_words(change, job, layout)) if change else change

    dag.update_needrun, persistence.params_changed = watched, explained  # type: ignore[method-assign]


def _in_words(change: ParamsChange, job: Job, layout: Layout) -> str:
    return reasons.of_params(change.only_old, change.only_new, _tables(job, layout))


def _tables(job: Job, layout: Layout) -> str:
    """Path of the tables of a job's study, with `{digest}` for the digest of code that one is of."""
    return layout.code.replace("{study}", str(job.wildcards.get("study", "")))


def say(graph: Graph) -> None:
    """Print a line for every kind of reason, and one if results contradict what is asked for."""
    again = [job for job in graph.needrun_jobs() if job.output]
    lines = [] if Quietness.ALL in (graph.workflow.output_settings.quiet or ()) else list(reasons_of(graph, again))
    if count := sum(len(job.output) for job in again if _contradicts(graph, job)):
        lines.append(
            "results of which Snakemake remembers nothing and whose records tell other settings, code or data than are "
            f"asked for: {count}; make study makes them again, with all that follows from them"
        )
    if memory.unknown:
        lines.append(
            f"results without a record, which are taken as they are: {len(memory.unknown)}, "
            f"{next(iter(memory.unknown))} first; delete those that the study should make"
        )
    print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr, flush=True)


def _contradicts(graph: Graph, job: Job) -> bool:
    """Whether records of a job's outputs, which Snakemake does not remember, say that it would make others now."""
    persistence = graph.workflow.persistence
    if not _was_made(graph, job) or not any(map(memory.is_recalled, job.output)):
        return False
    return bool(persistence.params_changed(job)) or any(persistence.input_changed(job))


def _was_made(graph: Graph, job: Job) -> bool:
    """Whether what a job makes is there, and it is known from what it was made."""
    if graph.reason(job).missing_output:
        return False
    return any([graph.workflow.persistence.metadata(path) for path in job.output])


def reasons_of(graph: Graph, again: Iterable[Job]) -> Iterator[str]:
    """Of every kind of reason a line: what changed, and how many jobs of which rules run again for it."""
    kinds: dict[str, Counter[str]] = {}
    for job in again:
        kinds.setdefault(reason_of(graph, job), Counter())[job.rule.name] += 1
    for why in sorted(kinds, key=lambda why: (LAST.get(why, 0), why)):
        jobs = ", ".join(f"{count} {rule}" for rule, count in sorted(kinds[why].items()))
        yield f"{reasons.WHY}{why} ({jobs})"


def reason_of(graph: Graph, job: Job) -> str:
    """Why a job runs again, in words."""
    reason, persistence = graph.reason(job), graph.workflow.persistence
    if reason.forced:
        return "asked for by name, or left half made"
    found = []
    if _was_made(graph, job):
        if change := persistence.params_changed(job):
            found.append(str(change))
            if reasons.OTHER_STUDIES in found[0]:  # of which all files are others too
                return found[0]
        found += _other_inputs(persistence, job) if reason.input_changed else []
    found += [f"{path} is newer" for path in sorted(reason.updated_input)[:1] if path not in reason.updated_input_run]
    return reasons.listed(found) or (FOLLOWS if reason.updated_input_run else MISSING)


def _other_inputs(persistence: Persistence, job: Job) -> list[str]:
    """Inputs that a job did not have before, has no more, or that hold other bytes."""
    known = [remembered for path in job.output if (remembered := persistence.metadata(path))]
    before, now = {path for one in known for path in one.input or ()}, set(map(str, job.input))
    bytes_differ = {path for output in job.output if memory.is_recalled(output) for path in memory.exchanged(output)}
    return [
        *(f"input {path} is new" for path in sorted(now - before)),
        *(f"no more input {path}" for path in sorted(before - now)),
        *(f"{path} holds other bytes" for path in sorted(bytes_differ & now)),
    ]


def keep(graph: Graph, layout: Layout) -> None:
    """Keep which modules the digests of the jobs' code stand for; of recalled results what their records told.

    These get times in the order in which they follow from each other, which copying loses: of each it was compared
    whether its inputs hold the bytes that it was made from.
    """
    again = set(graph.needrun_jobs())
    for job in again:
        if isinstance(code := job.params.get("code"), str) and job.wildcards.get("study"):
            reasons.keep_parts(code, _tables(job, layout))
    levels = graph.toposorted() if memory.has_recalled() else ()
    for job in chain.from_iterable(levels):
        if job not in again:
            memory.remember(graph.workflow.persistence, job.input, job.output)
