"""Recurate: generative models retrained, generation after generation, on their own curated samples."""

import gc
import os
import sys

from snakemake.dag import DAG
from snakemake.persistence import PersistenceBase

gc.disable()  # nothing of the parse is garbage, and looking for some takes a tenth of a dry run; see below
scripts = f"{workflow.current_basedir.get_path_or_uri(secret_free=True)}/scripts"  # also where this is a module
sys.path.insert(0, scripts)
if not os.path.isdir(scripts):  # a link to this file, or a module from the web
    sys.exit(f"error: there is no {scripts}; name the Snakefile of a checkout on this machine by its own path")

from recurate.foundation.places import found
from recurate.study.reading import study_files
from recurate.study.yaml_files import read_mapping
from recurate.workflow.announcing import needed_jobs, tell_jobs, tell_project
from recurate.workflow.claims import claim_for
from recurate.workflow.command_line import (
    announce,
    check_groups_in_one_pass,
    check_places,
    given,
    is_module,
    keep_freed_memory,
    look_at_waiting_jobs_once,
    or_stop,
    say_how_to_go_on,
    targets,
)
from recurate.workflow.memory import recall
from recurate.workflow.plan import watch_plans
from recurate.workflow.project import Project
from recurate.workflow.running import check_scale, note_run
from recurate.workflow.slurm import check_slurm

or_stop(check_places, workflow, scripts)
or_stop(read_mapping, found("config/config.yaml"))  # Snakemake has sentences for some of what may be wrong there


configfile: str(found("config/config.yaml"))


say_how_to_go_on(workflow)
asked = targets(workflow, study_files())
project = or_stop(Project, config, targets=asked, given=given(workflow))
or_stop(project.check_targets, asked or ())
if not is_module(workflow):  # whose other rules may make them
    or_stop(project.check_checkpoints)
announce(workflow, project.notices)
config |= project.config.model_dump(exclude={"overrides"})  # as scripts see it, defaults filled in


include: "rules/common.smk"
include: "rules/real.smk"
include: "rules/loop.smk"
include: "rules/measure.smk"
include: "rules/simulate.smk"
include: "rules/theory.smk"
include: "rules/present.smk"


if workflow.is_main_process:  # a job that Snakemake starts plans nothing
    recall(PersistenceBase)
    watch_plans(DAG, PersistenceBase, layout)
check_groups_in_one_pass(DAG)
keep_freed_memory(os.environ)
gc.freeze()  # nor does it become so later
gc.enable()
or_stop(project.check_resources)
tell_project(workflow, project)


onstart:
    or_stop(check_slurm, workflow)
    or_stop(claim_for, workflow, project.config.results)
    look_at_waiting_jobs_once(workflow)
    logs = [str(log) for job in needed_jobs(workflow) for log in job.log]
    or_stop(check_scale, project, logs)
    or_stop(note_run, project, logs)
    tell_jobs(workflow)


rule all:
    """The default studies and the report."""
    input:
        layout.report,
        [project.targets.complete(study) for study in project.default],


for study in project.studies.all:

    rule:
        """All tables and figures of one study."""
        name:
            study
        input:
            project.targets.complete(study),
