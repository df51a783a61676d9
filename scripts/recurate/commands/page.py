"""Where a result comes from, on one page."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import islice
from pathlib import Path

from pydantic import JsonValue

from recurate.files.fingerprints import file_digest
from recurate.files.paths import results_of
from recurate.files.provenance import Link
from recurate.files.records import Record
from recurate.files.runs import Run, card_of, published_with, run_of, runs_by_log
from recurate.foundation.errors import RecurateError
from recurate.foundation.places import found
from recurate.study.reading import read_study
from recurate.study.yaml_files import read_mapping
from recurate.workflow.ahead import flat
from recurate.workflow.progress import duration

MOST = 8  # things of one kind that are named one by one
Links = Mapping[str, Link]


def page(result: str, links: Links) -> Iterator[str]:
    """Lines about a result, of which `links` holds every file that led to it, this one first."""
    record = links[result].record
    if record is None and (lines := published(result)):
        yield f"{result}: published"
        yield from _told(("made", lines))
        return
    yield f"{result}: {links[result].state}"
    if record is None:
        yield "  no job of this project wrote it"
        return
    results = results_of(record.log, result)
    runs = _runs(links, results) if results else {}
    yield from _told(("made", _of_run(runs.get(result))), ("with", _others(runs, result)))
    if results and "study" in record.wildcards:
        yield from _told(("settings", _settings(results, record.wildcards["study"], runs.get(result))))
    yield from _told(("packages", _packages(links)), ("chain, from the data on", list(steps(links))))
    broken = [f"{path} {link.state}" for path, link in links.items() if link.is_broken]
    yield f"{len(links)} files, {len(broken)} of which no longer match"
    yield from _few([f"  {line}" for line in broken])


def _told(*parts: tuple[str, list[str]]) -> Iterator[str]:
    """Headings with the lines below them; none of a part without lines."""
    for heading, lines in parts:
        if lines:
            yield f"  {heading}"
            yield from _few([f"    {line}" for line in lines])


def _few(lines: list[str]) -> Iterator[str]:
    yield from lines[: MOST + 4]
    if len(lines) > MOST + 4:
        yield f"    .. and {len(lines) - MOST - 4} more; --all tells all"


def _runs(links: Links, results: str) -> dict[str, Run | None]:
    """The run that made each recorded file of a chain."""
    by_log = runs_by_log(results)
    return {path: run_of(path, link.record, by_log) for path, link in links.items() if link.record}


def _of_run(run: Run | None) -> list[str]:
    """When, by which command, from what code, on which machine."""
    if run is None:
        return ["by a run of which nothing was written down"]
    return [
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(run.started))} by the run of: {run.command}",
        f"code: {_code(run)}",
        f"machine: {run.host}, {_machine(run.hardware)}",
    ]


def _machine(hardware: Mapping[str, JsonValue]) -> str:
    cores, memory = hardware.get("cores"), hardware.get("memory_gib")
    return f"{hardware.get('processor')}, {cores} cores, {memory} GiB, {hardware.get('system')}"


def published(result: str) -> list[str]:
    """By which command, from what code, on which machine a published file was made; nothing of others."""
    found = published_with(result)
    if found is None:
        return _of_card(result)
    note, run = found
    return [
        f"by the run of: {run.command}",
        f"code: commit {run.commit}",
        f"machine: {_machine(run.hardware)}",
        f"as {note} says; no records of single files are published",
    ]


def _of_card(result: str) -> list[str]:
    """What the card beside published parameters says; nothing of other files."""
    card = card_of(result)
    if card is None:
        return []
    same = "are those" if file_digest(result) == card.sha256 else "are NOT those"
    return [
        f"by {card.command}",
        f"code: commit {card.commit}",
        f"data: {', '.join(f'{key} {value}' for key, value in flat(card.data))}",
        *(f"{leg.training.get('steps')} steps in {duration(leg.seconds)} on {leg.hardware}" for leg in card.legs),
        f"as {Path(result).with_suffix('.json')} says; the file's bytes {same} that it names",
    ]


def _code(run: Run) -> str:
    if run.commit is None:
        return "of no commit, for the folder was no clone"
    if not run.changed:
        return f"commit {run.commit}, the working tree clean"
    more = f" and {len(run.changed) - MOST} more" if len(run.changed) > MOST else ""
    return f"commit {run.commit}, with changes in {', '.join(run.changed[:MOST])}{more}"


def _others(runs: Mapping[str, Run | None], result: str) -> list[str]:
    """Which other runs and commits had a part in the chain, by the number of files."""
    counts = Counter(_name(run) for run in runs.values() if run != runs[result])
    return [f"{count} files by {name}" for name, count in counts.items()]


def _name(run: Run | None) -> str:
    if run is None:
        return "runs of which nothing was written down"
    return f"the run of {time.strftime('%Y-%m-%d %H:%M', time.localtime(run.started))}, {_code(run)}"


def _settings(results: str, study: str, run: Run | None) -> list[str]:
    """The settings file, and where it differs from what the study's file says today."""
    resolved = f"{results}/{study}/config.yaml"
    scale = str(run.config["scale"]) if run and "scale" in run.config else "demo"
    try:
        used: JsonValue = read_mapping(Path(resolved))
        file = found(f"config/studies/{study}.yaml")
        today = read_study(file, scale, {}).model_dump(mode="json", exclude={"resources"})
    except RecurateError as error:
        return [f"{resolved}, which cannot be compared with the study's file ({error})"]
    then, now = dict(flat(used)), dict(flat(today))
    keys = [key for key in {**now, **then} if then.get(key) != now.get(key)]
    differ = [f"{key}: {_shown(then, key)} (the file: {_shown(now, key)})" for key in keys]
    return [
        f"{resolved}, scale {scale}; {'as the study file says' if not differ else 'where the study file differs:'}",
        *differ,
    ]


def _shown(values: Mapping[str, object], key: str) -> str:
    text = str(values[key]) if key in values else "nothing"
    return text if len(text) <= 60 else f"{text[:60]}.."


def _packages(links: Links) -> list[str]:
    """Versions of packages, and devices; of several versions which how often."""
    records = [link.record for link in links.values() if link.record]
    versions = Counter(f"{name} {version}" for record in records for name, version in record.versions.items())
    devices = Counter(record.device for record in records)
    several = {name for name, count in Counter(each.split()[0] for each in versions).items() if count > 1}
    named = [
        f"{each} ({count} files)" if each.split()[0] in several else each for each, count in sorted(versions.items())
    ]
    return [", ".join(named), f"devices: {', '.join(f'{name} ({count} files)' for name, count in devices.items())}"]


def steps(links: Links) -> Iterator[str]:
    """The chain in a line for each rule, from the real data on: what of, how many files, how long."""
    rules = dict[str, list[tuple[Record, float]]]()
    for link in _from_the_data_on(links):
        if link.record:
            rules.setdefault(link.record.rule, []).append((link.record, link.seconds or 0.0))
    for rule, made in rules.items():
        number = "1 file" if len(made) == 1 else f"{len(made)} files"
        yield f"{rule}: {number}{_places([record for record, _ in made])}, {duration(sum(spent for _, spent in made))}"
    if count := sum(link.record is None for link in links.values()):
        yield f"not made by jobs: {count} files"


def _from_the_data_on(links: Links) -> list[Link]:
    """Links, each after those that it was made from; raises RecurateError for records that go round in a circle."""
    inputs = {path: link.record.inputs for path, link in links.items() if link.record}
    try:
        return [links[path] for path in TopologicalSorter(inputs).static_order()]
    except CycleError as error:
        raise RecurateError(f"records say that {' was made from '.join(error.args[1])}, a circle") from error


def _places(records: Iterable[Record]) -> str:
    """Of which arms, generations and so on."""
    values = dict[str, dict[str, None]]()
    for record in records:
        for name, value in record.wildcards.items():
            values.setdefault(name, {})[value] = None
    told = [f"{name} {_range(list(them))}" for name, them in values.items() if name != "study"]
    return f" of {', '.join(told)}" if told else ""


def _range(values: list[str]) -> str:
    if all(value.isdigit() for value in values):
        numbers = sorted(map(int, values))
        return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    shown = list(islice(values, MOST))
    return ", ".join(shown) + (f" and {len(values) - MOST} more" if len(values) > MOST else "")
