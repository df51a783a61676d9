"""Theory and pictures.

Needs: a study's tables, and the rewards of generation 0.
Gives: `forecast.csv`, `claims.csv`, `config.yaml`, `figures/` of a study, and `report.html` of all.
"""


rule resolved_config:
    """The settings of a study with all defaults filled in."""
    output:
        resolved=layout.in_study("config.yaml"),
    log:
        layout.log(layout.in_study("config.yaml")),
    benchmark:
        layout.benchmark(layout.in_study("config.yaml"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=project.spec("resolved"),
        code=project.code("resolve_config.py"),
    script:
        "../scripts/resolve_config.py"


rule forecast:
    """The infinite-capacity trajectory of an arm, from its generation-0 rewards alone."""
    input:
        curated=project.arm_zero_curated,
    output:
        forecast_path=layout.arm_seeds("forecast.csv"),
    log:
        layout.log(layout.arm_seeds("forecast.csv")),
    benchmark:
        layout.benchmark(layout.arm_seeds("forecast.csv"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=project.spec("forecast"),
        code=project.code("forecast.py"),
    script:
        "../scripts/forecast.py"


rule gather_forecasts:
    """One forecast table for the study."""
    input:
        tables=project.forecast_tables,
    output:
        gathered=layout.in_study("forecast.csv"),
    log:
        layout.log(layout.in_study("forecast.csv")),
    benchmark:
        layout.benchmark(layout.in_study("forecast.csv"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        columns=project.forecast_columns,
        code=project.code("gather.py"),
    script:
        "../scripts/gather.py"


rule claims:
    """Published claims, checked on the forecast and on the measured loop."""
    input:
        metrics=layout.in_study("metrics.csv"),
        forecast=layout.in_study("forecast.csv"),
    output:
        claims=layout.in_study("claims.csv"),
    log:
        layout.log(layout.in_study("claims.csv")),
    benchmark:
        layout.benchmark(layout.in_study("claims.csv"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        spec=project.spec("claims"),
        code=project.code("check_claims.py"),
    script:
        "../scripts/check_claims.py"
