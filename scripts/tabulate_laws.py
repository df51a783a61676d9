"""Write down what theory says about the arms of a simulated study."""

from typing import Any

from recurate import job, store
from recurate.simulated_study import SimulatedArm, measured


def main(laws: str, spec: dict[str, Any], study: str) -> None:
    """Write one row for every arm, law and recorded generation."""
    rows: list[dict[str, Any]] = []
    for arm, block in spec["arms"].items():
        settings = SimulatedArm.model_validate(block)
        for law in settings.estimator.laws(settings.loop(spec["generations"])):
            if law.measure not in measured(settings, spec["measures"]):
                continue
            for generation in spec["recorded"]:
                optional = {"deviation": law.deviation, "order": law.order}
                cells = {
                    key: repr(float(line[generation])) if line is not None else "" for key, line in optional.items()
                }
                head = {"study": study, "arm": arm, "generation": generation, "metric": law.measure}
                rows.append({**head, "value": repr(float(law.values[generation])), **cells, "source": law.source})
    store.write_rows(laws, store.LAW_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
