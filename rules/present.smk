"""Pictures, the report, and the books of a study.

Needs: a study's tables; samples, curated sets, features and models where a figure shows them.
Gives: `figures/`, `config.yaml`, `provenance.json` and `cost.csv` of a study, and `report.html` of all.
"""


rule resolved_config:
    """The settings of a study with all defaults filled in, and what tells its arms apart."""
    output:
        resolved=layout.in_study("config.yaml"),
        arms=layout.in_study("arms.csv"),
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
        notes=studies.notes,
    script:
        "../scripts/resolve_config.py"


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
        touches=own_files(figures.reads),
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
        touches=own_files(figures.reads),
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


rule account:
    """Every file that leads to the study's tables and figures, with its record; and what all that cost, by rule."""
    input:
        results=targets.of_job,
    output:
        provenance=layout.in_study("provenance.json"),
        cost=layout.in_study("cost.csv"),
    log:
        layout.log(layout.in_study("provenance.json")),
    benchmark:
        layout.benchmark(layout.in_study("provenance.json"))
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("account", mem_mb=1000, runtime=10),
    params:
        **params("account.py"),
    script:
        "../scripts/account.py"


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
        mem_mb=1000,
        runtime=10,
    params:
        **params("report.py", page.reads),
    script:
        "../scripts/report.py"
