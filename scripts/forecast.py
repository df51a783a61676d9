"""Forecast an arm's infinite-capacity trajectory from the rewards of its generation 0."""

from recurate.curation.parts.reward_moments import one_number, variance_of_answers
from recurate.files.arrays import read_arrays
from recurate.files.tables import FORECAST_COLUMNS, write_rows
from recurate.foundation.errors import RecurateError
from recurate.stages.forecast import Reads
from recurate.theory.forecast import effective_sample_size, forecast, statistics


def main(curated: str, forecast_path: str, spec: Reads, study: str, arm: str, seeds: list[int]) -> None:
    """Write study, arm, generation, seed, metric, value, effective_sample_size for every seed and generation."""
    arrays = read_arrays(curated)
    rows = []
    for row, seed in enumerate(seeds):
        parts = arrays["reward"][row].astype("float64")
        rewards = one_number(parts, spec.components)
        prompts = arrays["prompt"][row] if spec.curation.by_prompt else None
        classes = arrays["judged_class"][row] if "judged_class" in arrays else None
        operator = spec.curation.operator(parts, prompts)
        if operator is None:
            raise RecurateError(
                f"curation: {spec.curation.kind} has a method `operator` that gives none; leave the method out, then "
                "there is no forecast"
            )
        trajectory = forecast(operator, len(rewards), spec.mixing, spec.generations)
        for generation, weights in enumerate(trajectory):
            values = statistics(weights, rewards, spec.supremum, classes, spec.classes)
            if prompts is not None:
                of_law = weights if generation else None  # generation 0's answers are draws, of equal weight
                spread = variance_of_answers(rewards, spec.supremum, prompts, of_law)
                values["exp_reward_variance_of_answers"] = spread
            place = {"study": study, "arm": arm, "generation": generation, "seed": seed}
            place["effective_sample_size"] = repr(effective_sample_size(weights))
            rows += [{**place, "metric": name, "value": repr(float(value))} for name, value in values.items()]
    write_rows(forecast_path, FORECAST_COLUMNS, rows)


if __name__ == "__main__":
    from recurate.workflow import job

    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
