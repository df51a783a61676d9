"""Recurate: generative models retrained, generation after generation, on their own curated samples."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from recurate import command_line
from recurate.errors import RecurateError
from recurate.workflow import Project


configfile: "config/config.yaml"


try:
    project = Project(config)
    project.check_targets(command_line.targets(project.studies))
except RecurateError as error:
    sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))


include: "rules/common.smk"
include: "rules/real.smk"
include: "rules/loop.smk"
include: "rules/measure.smk"
include: "rules/present.smk"


rule all:
    """The default studies and the report."""
    default_target: True
    input:
        layout.report,
        [project.targets(study) for study in project.config.studies],


for study in project.studies:

    rule:
        """All tables and figures of one study."""
        name:
            study
        input:
            project.targets(study),
