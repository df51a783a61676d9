"""Theory and pictures.

Needs: a study's tables, and the rewards of generation 0.
Gives: `forecast.csv`, `claims.csv`, `config.yaml`, `figures/`, `provenance.json`, `cost.csv` of a study, and
`report.html` of all.
"""


rule resolved_config:
    """The settings of a study with all defaults filled in."""
    output:
        resolved=layout.in_study("config.yaml"),
    log:
        layout.log(layout.in_study("config.yaml")),
    benchmark:
        layout.benchmark(layout.in_study("config.yaml"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("resolved_config", mem_mb=1000, runtime=10),
    params:
        **params("resolve_config.py", settings.resolved),
    script:
        "../scripts/resolve_config.py"


rule forecast:
    """The infinite-capacity trajectory of an arm, from its generation-0 rewards alone."""
    input:
        curated=inputs.arm_zero_curated,
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


rule gather_forecasts:
    """One forecast table for the study."""
    input:
        tables=inputs.forecast_tables,
    output:
        gathered=layout.in_study("forecast.csv"),
    log:
        layout.log(layout.in_study("forecast.csv")),
    benchmark:
        layout.benchmark(layout.in_study("forecast.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("gather_forecasts", mem_mb=1000, runtime=10),
    params:
        **params("gather.py"),
        columns=FORECAST_COLUMNS,
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
    wildcard_constraints:
        study=studies.trained_names,
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("claims", mem_mb=1000, runtime=10),
    params:
        **params("check_claims.py", settings.claims),
    script:
        "../scripts/check_claims.py"


rule traverse:
    """A path through the latents, decoded by every generation."""
    input:
        models=inputs.shown_models,
    output:
        traversed=layout.in_study("traversals.safetensors"),
    log:
        layout.log(layout.in_study("traversals.safetensors")),
    benchmark:
        layout.benchmark(layout.in_study("traversals.safetensors"))
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        **resources("traverse", mem_mb=2000, runtime=10),
    params:
        **params("traverse.py", settings.traverse),
    script:
        "../scripts/traverse.py"


rule draw:
    """A figure of a study: its picture for print and for a screen, and its caption."""
    input:
        unpack(figures.inputs),
    output:
        pictures=[layout.in_study("figures/{figure}.pdf"), layout.in_study("figures/{figure}.png")],
        caption=layout.in_study("figures/{figure}.txt"),
    log:
        layout.log(layout.in_study("figures/{figure}.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/{figure}.pdf"))
    wildcard_constraints:
        figure=figures.printed,
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw", mem_mb=4000, runtime=30),
    params:
        **params("draw.py", figures.reads),
    script:
        "../scripts/draw.py"


rule animate:
    """A figure that moves."""
    input:
        unpack(figures.inputs),
    output:
        pictures=[layout.in_study("figures/{figure}.gif")],
        caption=layout.in_study("figures/{figure}.txt"),
    log:
        layout.log(layout.in_study("figures/{figure}.gif")),
    benchmark:
        layout.benchmark(layout.in_study("figures/{figure}.gif"))
    wildcard_constraints:
        figure=figures.animated,
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("animate", mem_mb=4000, runtime=30),
    params:
        **params("draw.py", figures.reads),
    script:
        "../scripts/draw.py"


rule provenance:
    """Every file that leads to the study's tables and figures, with its record."""
    input:
        results=targets.of_job,
    output:
        provenance=layout.in_study("provenance.json"),
    log:
        layout.log(layout.in_study("provenance.json")),
    benchmark:
        layout.benchmark(layout.in_study("provenance.json"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("provenance", mem_mb=1000, runtime=10),
    params:
        **params("provenance.py"),
    script:
        "../scripts/provenance.py"


rule cost:
    """Processor and GPU hours and peak memory of the study, by rule."""
    input:
        touches=targets.of_job,
    output:
        cost=layout.in_study("cost.csv"),
    log:
        layout.log(layout.in_study("cost.csv")),
    benchmark:
        layout.benchmark(layout.in_study("cost.csv"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("cost", mem_mb=1000, runtime=10),
    params:
        **params("tabulate_cost.py"),
    script:
        "../scripts/tabulate_cost.py"


rule report:
    """Everything about the default studies in one HTML file."""
    input:
        template=page.template,
        touches=page.inputs,
    output:
        report=layout.report,
    log:
        layout.log(layout.report),
    benchmark:
        layout.benchmark(layout.report)
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("report", mem_mb=1000, runtime=10),
    params:
        **params("write_report.py", page.reads),
    script:
        "../scripts/write_report.py"
