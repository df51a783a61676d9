"""Write down what theory says about the arms of a simulated study."""

from typing import Any

from recurate.files.tables import LAW_COLUMNS, write_rows
from recurate.study.simulated_arm import SimulatedArm, measured
from recurate.workflow import job


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
    write_rows(laws, LAW_COLUMNS, rows)


if __name__ == "__main__":
    job.run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821
