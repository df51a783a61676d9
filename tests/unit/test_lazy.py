"""Libraries that are imported on first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_objects_of_a_library_are_no_garbage_to_be_looked_for_and_the_collector_goes_on() -> None:
    command = (
        "import gc, sys; from recurate.foundation.lazy import np\n"
        "assert 'numpy' not in sys.modules and not gc.get_freeze_count()\n"
        "assert np.pi > 3 and gc.get_freeze_count() > 10_000 and gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT / "scripts", check=True)


def test_a_collector_that_is_off_stays_off() -> None:
    command = (
        "import gc; gc.disable(); from recurate.foundation.lazy import np\nassert np.pi > 3 and not gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", command], cwd=ROOT / "scripts", check=True)
