"""What all rules share.

Needs: `project`, the validated configuration.
Gives: the objects that rules ask, and the alphabet of every wildcard.
"""

from recurate.files.paths import WILDCARDS
from recurate.workflow.job_params import own_files, params

layout = project.layout  # where a file lies
studies = project.studies
inputs = project.inputs  # which files a job reads
figures = project.figures  # the same for a figure, and its settings
settings = project.settings  # what its script reads of the study file
resources = project.resources  # what it asks a scheduler for
networks = project.networks  # whether it runs a network that is worth a GPU
targets = project.targets  # what a study is made of
page = project.report  # what the report shows
environment = project.environment  # its conda file
light_jobs_are_local = project.light_jobs_are_local


wildcard_constraints:
    **WILDCARDS,
