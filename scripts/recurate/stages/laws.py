"""What writing down the laws of a simulated study reads."""

from __future__ import annotations

from recurate.closed_form.laws.registry import laws_of
from recurate.foundation.components import Settings
from recurate.study.simulated_arm import SimulatedArm, measured


class Reads(Settings):
    """Every arm, what is measured of them and which generations tables show."""

    arms: dict[str, SimulatedArm]
    generations: int
    measures: list[str]
    recorded: list[int]

    def rows(self, study: str) -> list[dict[str, str]]:
        """The table of laws: one row for every arm, law and recorded generation."""
        rows = list[dict[str, str]]()
        for arm, settings in self.arms.items():
            for law in laws_of(settings.estimator, settings.loop(self.generations)):
                if law.measure not in measured(settings, self.measures):
                    continue
                for generation in self.recorded:
                    lines = {"value": law.values, "deviation": law.deviation, "order": law.order}
                    cells = {
                        key: repr(float(line[generation])) if line is not None else "" for key, line in lines.items()
                    }
                    head = {"study": study, "arm": arm, "generation": str(generation), "metric": law.measure}
                    rows.append({**head, **cells, "source": law.source})
        return rows
