"""The parts of Snakemake that are touched and not public."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

from snakemake.cli import get_argument_parser
from snakemake.scheduling.job_scheduler import JobScheduler

from recurate.workflow.command_line import DEFAULT_RATE, look_at_waiting_jobs_once


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


def test_without_that_part_nothing_happens() -> None:
    for workflow in (SimpleNamespace(), SimpleNamespace(scheduler=SimpleNamespace())):
        assert not look_at_waiting_jobs_once(workflow)
