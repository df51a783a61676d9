"""What an arm is, whatever it is called: the key of its random numbers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from recurate.closed_form.estimators import Estimator
    from recurate.closed_form.loop import SimulatedLoop
    from recurate.closed_form.streams import ArmKey


def arm_key(estimator: Estimator, loop: SimulatedLoop) -> ArmKey:
    """What tells an arm's stream from those of others: all that its law depends on.

    That is the estimator, the regime, the sizes, sampling bias, collection and curation; neither names, titles and the
    place in the file nor how long and how often the loop is run. Arms that are equal in all of it are the same loop and
    draw the same numbers. Settings at their defaults are left out, so that a new setting changes no stream.
    """
    curated = (loop.preference.reward, loop.preference.curation) if loop.preference else (None, None)
    parts = [
        part and part.model_dump(mode="json", exclude_defaults=True) for part in (estimator, loop.collection, *curated)
    ]
    written = json.dumps([parts, asdict(loop.rule), asdict(loop.sizes), loop.sampling_bias], sort_keys=True)
    digest = hashlib.sha256(written.encode()).digest()
    return int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:8], "big")
