"""Closed-form loops: thousands of generations in one job.

Needs: nothing but the study file.
Gives: `arms/{arm}/trajectories.safetensors` and `metrics.csv` of every simulated arm; `laws.csv`, `rates.csv` and
`claims.csv` of the study.
"""


rule simulate:
    """One arm of a simulated study: all seeds and generations."""
    output:
        trajectories=layout.in_arm("trajectories.safetensors"),
        metrics=layout.in_arm("metrics.csv"),
    log:
        layout.log(layout.in_arm("trajectories.safetensors")),
    benchmark:
        layout.benchmark(layout.in_arm("trajectories.safetensors"))
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        **resources("simulate", mem_mb=4000, runtime=60),
    params:
        **params("simulate.py", settings.simulate),
    script:
        "../scripts/simulate.py"


rule laws:
    """What theory says about every arm, generation by generation."""
    output:
        laws=layout.in_study("laws.csv"),
    log:
        layout.log(layout.in_study("laws.csv")),
    benchmark:
        layout.benchmark(layout.in_study("laws.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("laws", mem_mb=2000, runtime=30),
    params:
        **params("tabulate_laws.py", settings.laws),
    script:
        "../scripts/tabulate_laws.py"


rule rates:
    """How fast errors fall with the size of the pool."""
    input:
        trajectories=inputs.trajectories,
    output:
        rates=layout.in_study("rates.csv"),
    log:
        layout.log(layout.in_study("rates.csv")),
    benchmark:
        layout.benchmark(layout.in_study("rates.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("rates", mem_mb=2000, runtime=30),
    params:
        **params("fit_rates.py", settings.rates),
    script:
        "../scripts/fit_rates.py"


rule agreement:
    """Simulated loops beside their laws, rates and published numbers."""
    input:
        metrics=layout.in_study("metrics.csv"),
        laws=layout.in_study("laws.csv"),
        rates=inputs.rates,
    output:
        claims=layout.in_study("claims.csv"),
    log:
        layout.log(layout.in_study("claims.csv")),
    benchmark:
        layout.benchmark(layout.in_study("claims.csv"))
    wildcard_constraints:
        study=studies.simulated_names,
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("agreement", mem_mb=2000, runtime=10),
    params:
        **params("check_agreement.py", settings.agreement),
    script:
        "../scripts/check_agreement.py"
