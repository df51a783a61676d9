"""Numbers about generations.

Needs: sample and curated sets, real data and their features, the judge, models where a metric asks them.
Gives: `features.safetensors` of every generation, `metrics.csv` of every generation of every arm, and of the study.
"""


rule extract_origin:
    """Features of generation 0, for all its arms and metrics."""
    input:
        samples=layout.origin_generation("samples.safetensors"),
        judge=project.judge_of_features,
        origin=project.origin_of_features,
        weights=project.feature_weights,
    output:
        features=layout.origin_generation("features.safetensors"),
    log:
        layout.log(layout.origin_generation("features.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("features.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("extract_origin", mem_mb=4000, runtime=60),
    params:
        spec=project.spec("extract"),
        code=project.code("extract.py", "extract"),
    script:
        "../scripts/extract.py"


rule extract_arm:
    """Features of a later generation, for all its metrics."""
    input:
        samples=layout.arm_generation("samples.safetensors"),
        judge=project.judge_of_features,
        origin=project.origin_of_features,
        weights=project.feature_weights,
    output:
        features=layout.arm_generation("features.safetensors"),
    log:
        layout.log(layout.arm_generation("features.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("features.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("extract_arm", mem_mb=4000, runtime=60),
    params:
        spec=project.spec("extract"),
        code=project.code("extract.py", "extract"),
    script:
        "../scripts/extract.py"


rule measure:
    """Metrics of one generation, for all seeds of a job."""
    input:
        real=project.real,
        samples=project.samples,
        curated=layout.arm_generation("curated.safetensors"),
        features=project.features,
        reference=project.reference,
        model=project.measured_model,
    output:
        metrics=layout.arm_generation("metrics.csv"),
    log:
        layout.log(layout.arm_generation("metrics.csv")),
    benchmark:
        layout.benchmark(layout.arm_generation("metrics.csv"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("measure", mem_mb=4000, runtime=30),
    params:
        spec=project.spec("measure"),
        code=project.code("measure.py", "measure"),
    script:
        "../scripts/measure.py"


rule gather_metrics:
    """One metrics table for the study."""
    input:
        tables=project.metric_tables,
    output:
        gathered=layout.in_study("metrics.csv"),
    log:
        layout.log(layout.in_study("metrics.csv")),
    benchmark:
        layout.benchmark(layout.in_study("metrics.csv"))
    localrule: project.light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **project.resources("gather_metrics", mem_mb=1000, runtime=10),
    params:
        columns=project.metric_columns,
        code=project.code("gather.py"),
    script:
        "../scripts/gather.py"
