"""The parts of Snakemake that are touched and not public."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.cli import get_argument_parser
from snakemake.dag import DAG
from snakemake.exceptions import WorkflowError
from snakemake.scheduling.job_scheduler import JobScheduler

from recurate.workflow.command_line import (
    DEFAULT_RATE,
    check_groups_in_one_pass,
    groups_in_a_circle,
    keep_freed_memory,
    look_at_waiting_jobs_once,
)


def test_snakemake_still_has_what_is_taken_away() -> None:
    source = inspect.getsource(JobScheduler.__init__)
    assert "self.job_rate_limiter" in source
    default = get_argument_parser().parse_args([]).max_jobs_per_timespan
    assert (default.max_jobs, default.timespan) == DEFAULT_RATE


def test_the_default_limit_goes_and_one_of_the_user_s_stays() -> None:
    for limit, gone in ((DEFAULT_RATE, True), ((7, 1), False)):
        limiter = SimpleNamespace(max_jobs=limit[0], timespan=limit[1])
        workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=limiter))
        assert look_at_waiting_jobs_once(workflow) is gone
        assert (workflow.scheduler.job_rate_limiter is None) is gone


def test_jobs_keep_freed_memory_unless_the_user_says_otherwise() -> None:
    environment = {"MALLOC_TRIM_THRESHOLD_": "1"}
    keep_freed_memory(environment)
    assert environment == {"MALLOC_TRIM_THRESHOLD_": "1", "MALLOC_MMAP_THRESHOLD_": "33554432"}


def test_without_that_part_nothing_happens() -> None:
    for workflow in (SimpleNamespace(), SimpleNamespace(scheduler=SimpleNamespace())):
        assert not look_at_waiting_jobs_once(workflow)


# Groups


class Job:
    """A job as Snakemake's checks of groups see it."""

    def __init__(self, name: str, group: str | None) -> None:
        self.rule, self.group = SimpleNamespace(name=name), group


class Group(list[Job]):
    """Jobs of one group."""

    groupid = "g"
    jobs = property(lambda self: list(self))

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)


def graph(dag: type, groups: dict[str, str | None], edges: list[tuple[str, str]]) -> Any:
    """A graph of jobs by name with their groups; each edge says what the first of two jobs depends on."""
    jobs = {name: Job(name, group) for name, group in groups.items()}
    found = dag.__new__(dag)
    found._dependencies = {job: {} for job in jobs.values()}
    for name, other in edges:
        found._dependencies[jobs[name]][jobs[other]] = set()
    members = {name: Group(job for job in jobs.values() if job.group == name) for name in groups.values() if name}
    found._group = {job: members[job.group] for job in jobs.values() if job.group is not None}
    return found


def check(found: Any) -> None:
    """What Snakemake does once it has made the groups."""
    for group in set(found._group.values()):
        found.validate_group(group)
    found._check_groups()


LOOP = ("train", "sample", "curate")


def generations(number: int) -> tuple[dict[str, str | None], list[tuple[str, str]]]:
    """Jobs and edges of a loop, each generation a group of three jobs."""
    names = [f"{job} {generation}" for generation in range(number) for job in LOOP]
    return {name: name.split()[1] for name in names}, list(zip(names[1:], names, strict=False))


@pytest.fixture
def quick() -> type:
    """A class of graphs that checks groups in one pass."""
    dag = type("Quick", (DAG,), {"validate_group": DAG.validate_group, "_check_groups": DAG._check_groups})
    assert check_groups_in_one_pass(dag)
    return dag


def test_snakemake_s_own_check_ends_python_s_stack_and_ours_does_not(quick: type) -> None:
    with pytest.raises(RecursionError):
        check(graph(DAG, *generations(1000)))
    check(graph(quick, *generations(1000)))


def test_a_group_that_waits_for_itself_is_refused_in_snakemake_s_words(quick: type) -> None:
    groups: dict[str, str | None] = {"a": "one", "between": None, "b": "one"}
    edges = [("b", "between"), ("between", "a")]
    said = []
    for dag in (DAG, quick):
        with pytest.raises(WorkflowError) as refused:
            check(graph(dag, groups, edges))
        said.append(str(refused.value))
    assert said[0] == said[1]
    assert groups_in_a_circle(graph(quick, groups, edges))


def test_groups_of_which_each_waits_for_the_other_are_a_circle_too(quick: type) -> None:
    groups: dict[str, str | None] = {"a": "one", "b": "one", "c": "two", "d": "two"}
    assert groups_in_a_circle(graph(quick, groups, [("a", "c"), ("d", "b")]))
    assert not groups_in_a_circle(graph(quick, groups, [("a", "c"), ("b", "d")]))


def test_without_these_checks_or_a_second_time_nothing_is_replaced(quick: type) -> None:
    assert not check_groups_in_one_pass(type("Other", (), {}))
    assert not check_groups_in_one_pass(quick)


def test_snakemake_still_checks_groups_where_ours_is_put() -> None:
    source = inspect.getsource(DAG.update_groups)
    assert "self.validate_group(group)" in source
    assert "self._check_groups()" in source
