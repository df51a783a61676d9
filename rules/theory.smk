"""What theory says, and whether it is so.

Needs: the rewards of generation 0 of trained loops, the trajectories of simulated ones; the metrics of both.
Gives: `forecast.csv` of every arm and trained study, `laws.csv` and `rates.csv` of a simulated one, `claims.csv` of both,
`effects.csv` of a trained one whose curated arms have controls.
"""


rule forecast:
    """The infinite-capacity trajectory of an arm, from its generation-0 rewards alone."""
    input:
        curated=inputs.arm_zero_curated,
        touches=own_files(settings.forecast),
    output:
        forecast_path=layout.arm_seeds("forecast.csv"),
    log:
        layout.log(layout.arm_seeds("forecast.csv")),
    benchmark:
        layout.benchmark(layout.arm_seeds("forecast.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("forecast", mem_mb=2000, runtime=30),
    params:
        **params("forecast.py", settings.forecast),
    script:
        "../scripts/forecast.py"


rule laws:
    """What theory says about every arm, generation by generation."""
    input:
        touches=own_files(settings.laws),
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
        **params("laws.py", settings.laws),
    script:
        "../scripts/laws.py"


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
        **params("rates.py", settings.rates),
    script:
        "../scripts/rates.py"


rule claims:
    """Published claims, checked on forecast and measured loop; simulated loops beside laws, rates, published numbers."""
    input:
        metrics=layout.in_study("metrics.csv"),
        theory=inputs.theory,
        rates=inputs.rates,
    output:
        claims=layout.in_study("claims.csv"),
    log:
        layout.log(layout.in_study("claims.csv")),
    benchmark:
        layout.benchmark(layout.in_study("claims.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("claims", mem_mb=2000, runtime=10),
    params:
        **params("claims.py", settings.claims),
    script:
        "../scripts/claims.py"


rule effects:
    """Curated arms minus their controls, in which nobody chose."""
    input:
        metrics=layout.in_study("metrics.csv"),
    output:
        effects=layout.in_study("effects.csv"),
    log:
        layout.log(layout.in_study("effects.csv")),
    benchmark:
        layout.benchmark(layout.in_study("effects.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("effects", mem_mb=2000, runtime=10),
    params:
        **params("effects.py", settings.effects),
    script:
        "../scripts/effects.py"
