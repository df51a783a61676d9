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


rule draw_densities:
    """Densities of two-dimensional samples over generations, with the limit p*."""
    input:
        samples=inputs.shown_samples,
        curated=inputs.shown_curated,
        real=inputs.shown_real,
    output:
        pdf=layout.in_study("figures/densities.pdf"),
        png=layout.in_study("figures/densities.png"),
        caption=layout.in_study("figures/densities.txt"),
    log:
        layout.log(layout.in_study("figures/densities.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/densities.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_densities", mem_mb=4000, runtime=30),
    params:
        **params("draw_densities.py", settings.densities),
    script:
        "../scripts/draw_densities.py"


rule draw_trajectory:
    """Rewards, diversity and distance by generation, with forecast and bounds."""
    input:
        metrics=layout.in_study("metrics.csv"),
        forecast=layout.in_study("forecast.csv"),
    output:
        pdf=layout.in_study("figures/trajectory.pdf"),
        png=layout.in_study("figures/trajectory.png"),
        caption=layout.in_study("figures/trajectory.txt"),
    log:
        layout.log(layout.in_study("figures/trajectory.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/trajectory.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_trajectory", mem_mb=1000, runtime=10),
    params:
        **params("draw_trajectory.py", settings.figure),
    script:
        "../scripts/draw_trajectory.py"


rule draw_shares:
    """Class shares by generation."""
    input:
        metrics=layout.in_study("metrics.csv"),
        forecast=layout.in_study("forecast.csv"),
    output:
        pdf=layout.in_study("figures/shares.pdf"),
        png=layout.in_study("figures/shares.png"),
        caption=layout.in_study("figures/shares.txt"),
    log:
        layout.log(layout.in_study("figures/shares.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/shares.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_shares", mem_mb=1000, runtime=10),
    params:
        **params("draw_shares.py", settings.figure),
    script:
        "../scripts/draw_shares.py"


rule draw_quality:
    """Distances to real data and what the samples cover, by generation."""
    input:
        metrics=layout.in_study("metrics.csv"),
    output:
        pdf=layout.in_study("figures/quality.pdf"),
        png=layout.in_study("figures/quality.png"),
        caption=layout.in_study("figures/quality.txt"),
    log:
        layout.log(layout.in_study("figures/quality.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/quality.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_quality", mem_mb=1000, runtime=10),
    params:
        **params("draw_quality.py", settings.figure),
    script:
        "../scripts/draw_quality.py"


rule draw_comparison:
    """Distances to real data, precision and recall of many arms, in groups."""
    input:
        metrics=layout.in_study("metrics.csv"),
    output:
        pdf=layout.in_study("figures/comparison.pdf"),
        png=layout.in_study("figures/comparison.png"),
        caption=layout.in_study("figures/comparison.txt"),
    log:
        layout.log(layout.in_study("figures/comparison.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/comparison.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_comparison", mem_mb=1000, runtime=10),
    params:
        **params("draw_comparison.py", settings.figure),
    script:
        "../scripts/draw_comparison.py"


rule draw_language:
    """How a language model and its texts change by generation."""
    input:
        metrics=layout.in_study("metrics.csv"),
    output:
        pdf=layout.in_study("figures/language.pdf"),
        png=layout.in_study("figures/language.png"),
        caption=layout.in_study("figures/language.txt"),
    log:
        layout.log(layout.in_study("figures/language.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/language.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_language", mem_mb=1000, runtime=10),
    params:
        **params("draw_language.py", settings.figure),
    script:
        "../scripts/draw_language.py"


rule draw_perplexities:
    """Perplexities of every generation's blocks under generation 0's model."""
    input:
        features=inputs.shown_features,
    output:
        pdf=layout.in_study("figures/perplexities.pdf"),
        png=layout.in_study("figures/perplexities.png"),
        caption=layout.in_study("figures/perplexities.txt"),
    log:
        layout.log(layout.in_study("figures/perplexities.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/perplexities.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_perplexities", mem_mb=2000, runtime=10),
    params:
        **params("draw_perplexities.py", settings.figure),
    script:
        "../scripts/draw_perplexities.py"


rule draw_choices:
    """The reward by generation and by K, the number of samples to choose from."""
    input:
        metrics=layout.in_study("metrics.csv"),
        forecast=layout.in_study("forecast.csv"),
    output:
        pdf=layout.in_study("figures/choices.pdf"),
        png=layout.in_study("figures/choices.png"),
        caption=layout.in_study("figures/choices.txt"),
    log:
        layout.log(layout.in_study("figures/choices.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/choices.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_choices", mem_mb=1000, runtime=10),
    params:
        **params("draw_choices.py", settings.figure),
    script:
        "../scripts/draw_choices.py"


rule draw_contact_sheet:
    """The first images of every generation."""
    input:
        samples=inputs.shown_samples,
        real=inputs.shown_real,
    output:
        pdf=layout.in_study("figures/contact_sheet.pdf"),
        png=layout.in_study("figures/contact_sheet.png"),
        caption=layout.in_study("figures/contact_sheet.txt"),
    log:
        layout.log(layout.in_study("figures/contact_sheet.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/contact_sheet.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_contact_sheet", mem_mb=4000, runtime=10),
    params:
        **params("draw_contact_sheet.py", settings.figure),
    script:
        "../scripts/draw_contact_sheet.py"


rule draw_latents:
    """What generation 0's encoder makes of later generations."""
    input:
        features=inputs.shown_features,
        metrics=layout.in_study("metrics.csv"),
    output:
        pdf=layout.in_study("figures/latents.pdf"),
        png=layout.in_study("figures/latents.png"),
        caption=layout.in_study("figures/latents.txt"),
    log:
        layout.log(layout.in_study("figures/latents.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/latents.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_latents", mem_mb=2000, runtime=10),
    params:
        **params("draw_latents.py", settings.latents),
    script:
        "../scripts/draw_latents.py"


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


rule draw_traversals:
    """That path as images, a strip for each generation."""
    input:
        traversed=layout.in_study("traversals.safetensors"),
    output:
        pdf=layout.in_study("figures/traversals.pdf"),
        png=layout.in_study("figures/traversals.png"),
        caption=layout.in_study("figures/traversals.txt"),
    log:
        layout.log(layout.in_study("figures/traversals.pdf")),
    benchmark:
        layout.benchmark(layout.in_study("figures/traversals.pdf"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_traversals", mem_mb=2000, runtime=10),
    params:
        **params("draw_traversals.py", settings.figure),
    script:
        "../scripts/draw_traversals.py"


rule draw_animation:
    """Densities of two-dimensional samples, one frame for each generation."""
    input:
        samples=inputs.shown_samples,
        curated=inputs.shown_curated,
        real=inputs.shown_real,
    output:
        gif=layout.in_study("figures/animation.gif"),
        caption=layout.in_study("figures/animation.txt"),
    log:
        layout.log(layout.in_study("figures/animation.gif")),
    benchmark:
        layout.benchmark(layout.in_study("figures/animation.gif"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("draw_animation", mem_mb=4000, runtime=30),
    params:
        **params("draw_animation.py", settings.densities),
    script:
        "../scripts/draw_animation.py"


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
        template=project.report_template,
        touches=project.report_inputs,
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
        **params("write_report.py", project.report),
    script:
        "../scripts/write_report.py"
