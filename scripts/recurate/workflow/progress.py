"""How far a run is, and how long the rest takes, by what its jobs were expected to cost and by what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from recurate.files.expected import JobCost
from recurate.workflow.ahead import Job

DOUBT = 5  # jobs' worth of trust in the costs that were measured elsewhere, beside what this run shows


@dataclass
class Tally:
    """Jobs of one rule: how many, their expected seconds where known, and what finished ones took."""

    jobs: int = 0
    done: int = 0
    expected: float = 0.0  # of those of which it is known, as the following
    of: int = 0
    expected_done: float = 0.0
    of_done: int = 0
    took: float = 0.0

    def mean(self, otherwise: float) -> float:
        """Seconds of a job of which nothing is known but its rule."""
        if self.of:
            return self.expected / self.of
        return self.took / self.done if self.done else otherwise

    def whole(self, otherwise: float) -> float:
        """Seconds of all its jobs, as far as known."""
        return self.expected + (self.jobs - self.of) * self.mean(otherwise)

    def behind(self, otherwise: float) -> float:
        """Seconds that its finished jobs were expected to take."""
        return self.expected_done + (self.done - self.of_done) * self.mean(otherwise)


class Progress:
    """Jobs done and left. A job whose like was never measured counts as the mean of those of its rule, or of all."""

    def __init__(self, jobs: Mapping[int, Job], costs: Mapping[int, JobCost | None], parallel: int | None) -> None:
        self.jobs, self.parallel, self.rules = jobs, parallel, dict[str, Tally]()
        self.expected = {number: _seconds(jobs[number], cost) for number, cost in costs.items() if cost}
        for number, job in jobs.items():
            tally = self._tally(job)
            tally.jobs += 1
            tally.of += number in self.expected
            tally.expected += self.expected.get(number, 0.0)

    def _tally(self, job: Job) -> Tally:
        return self.rules.setdefault(job.rule, Tally())

    def finish(self, number: int, seconds: float) -> None:
        """A job has ended, after so many seconds."""
        tally = self._tally(self.jobs[number])
        tally.done += 1
        tally.took += seconds
        tally.of_done += number in self.expected
        tally.expected_done += self.expected.get(number, 0.0)

    @property
    def share(self) -> float:
        """Which share of the work is done, by time where that is known and else by jobs."""
        whole, behind = self._sums()
        done, jobs = sum(tally.done for tally in self.rules.values()), len(self.jobs)
        return behind / whole if whole else done / jobs if jobs else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes; None where nothing tells it."""
        whole, behind = self._sums()
        if self.parallel is None or not whole:
            return None
        trust = DOUBT * whole / len(self.jobs)
        took = sum(tally.took for tally in self.rules.values())
        return (took + trust) / (behind + trust) * (whole - behind) / self.parallel

    def _sums(self) -> tuple[float, float]:
        """Expected seconds of all jobs, and of those that are done."""
        tallies = list(self.rules.values())
        known = sum(tally.expected + (0.0 if tally.of else tally.took) for tally in tallies)
        number = sum(tally.of or tally.done for tally in tallies)
        mean = known / number if number else 0.0
        return sum(tally.whole(mean) for tally in tallies), sum(tally.behind(mean) for tally in tallies)


def _seconds(job: Job, cost: JobCost) -> float:
    """How long a job with this cost keeps its place: on a GPU as it was there, else on its processors."""
    return cost.gpu_seconds if job.gpus and cost.gpu_seconds else cost.cpu_seconds / max(1, job.threads)


def duration(seconds: float) -> str:
    """Seconds as one says them: 45 s, 3 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
