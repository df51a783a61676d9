"""Closed-form loops: thousands of generations in one job.

Needs: nothing but the study file.
Gives: `arms/{arm}/trajectories.safetensors` and `metrics.csv` of every simulated arm; `laws.csv`, `rates.csv` and
`claims.csv` of the study, and its figures.
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


rule draw_curves:
    """Measures by generation, with laws."""
    input:
        metrics=layout.in_study("metrics.csv"),
        laws=layout.in_study("laws.csv"),
    output:
        pdf=layout.in_study("figures/curves.pdf"),
        png=layout.in_study("figures/curves.png"),
        caption=layout.in_study("figures/curves.txt"),
    log:
        layout.log(layout.in_study("figures/curves.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/curves.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_curves", mem_mb=2000, runtime=10),
    params:
        **params("draw_curves.py", settings.curves),
    script:
        "../scripts/draw_curves.py"


rule draw_rates:
    """Slopes of errors by share of real data, with what theory says."""
    input:
        rates=layout.in_study("rates.csv"),
    output:
        pdf=layout.in_study("figures/rates.pdf"),
        png=layout.in_study("figures/rates.png"),
        caption=layout.in_study("figures/rates.txt"),
    log:
        layout.log(layout.in_study("figures/rates.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/rates.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_rates", mem_mb=1000, runtime=10),
    params:
        **params("draw_rates.py", settings.curves),
    script:
        "../scripts/draw_rates.py"


rule draw_snapshots:
    """Densities of fitted mixtures over generations."""
    input:
        trajectories=inputs.trajectories,
    output:
        pdf=layout.in_study("figures/snapshots.pdf"),
        png=layout.in_study("figures/snapshots.png"),
        caption=layout.in_study("figures/snapshots.txt"),
    log:
        layout.log(layout.in_study("figures/snapshots.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/snapshots.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_snapshots", mem_mb=1000, runtime=10),
    params:
        **params("draw_snapshots.py", settings.curves),
    script:
        "../scripts/draw_snapshots.py"


rule draw_equivalent_data:
    """How many real samples a loop with fresh data is worth."""
    input:
        metrics=layout.in_study("metrics.csv"),
        laws=layout.in_study("laws.csv"),
    output:
        pdf=layout.in_study("figures/equivalent_data.pdf"),
        png=layout.in_study("figures/equivalent_data.png"),
        caption=layout.in_study("figures/equivalent_data.txt"),
    log:
        layout.log(layout.in_study("figures/equivalent_data.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/equivalent_data.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_equivalent_data", mem_mb=2000, runtime=10),
    params:
        **params("draw_equivalent_data.py", settings.curves),
    script:
        "../scripts/draw_equivalent_data.py"
