"""Recurate: generative models retrained, generation after generation, on their own curated samples."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "scripts"))

from recurate import command_line
from recurate.errors import RecurateError
from recurate.workflow import Project


configfile: "config/config.yaml"


def or_stop(call, *arguments):
    """What a call returns; a mistake in the settings ends Snakemake with a sentence."""
    try:
        return call(*arguments)
    except RecurateError as error:
        sys.exit("\n".join(f"error: {line}" for line in str(error).splitlines()))


project = or_stop(Project, config)
or_stop(project.check_targets, command_line.targets(project.studies))


include: "rules/common.smk"
include: "rules/real.smk"
include: "rules/loop.smk"
include: "rules/measure.smk"
include: "rules/present.smk"


or_stop(project.check_resources, [rule.name for rule in workflow.rules if "study" in rule.wildcard_names])


rule all:
    """The default studies and the report."""
    default_target: True
    input:
        layout.report,
        [project.complete(study) for study in project.config.studies],


for study in project.studies:

    rule:
        """All tables and figures of one study."""
        name:
            study
        input:
            project.complete(study),
