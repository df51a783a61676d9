"""Numbers about generations.

Needs: sample and curated sets, real data and their features, the judge, models where a metric asks them.
Gives: `features.safetensors` of every generation, `metrics.csv` of every generation of every arm, and of the study.
"""


rule extract_origin:
    """Features of generation 0, for all its arms and metrics."""
    input:
        samples=layout.origin_generation("samples.safetensors"),
        judge=inputs.judge_of_features,
        origin_model=inputs.origin_of_features,
        fetched=inputs.feature_networks,
        touches=own_files(settings.extract),
    output:
        features=layout.origin_generation("features.safetensors"),
    log:
        layout.log(layout.origin_generation("features.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("features.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("extract_origin", mem_mb=4000, runtime=60, gpu=networks.features),
    params:
        **params("extract.py", settings.extract),
    script:
        "../scripts/extract.py"


use rule extract_origin as extract_arm with:
    input:
        samples=layout.arm_generation("samples.safetensors"),
        judge=inputs.judge_of_features,
        origin_model=inputs.origin_of_features,
        fetched=inputs.feature_networks,
        touches=own_files(settings.extract),
    output:
        features=layout.arm_generation("features.safetensors"),
    log:
        layout.log(layout.arm_generation("features.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("features.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    resources:
        **resources("extract_arm", mem_mb=4000, runtime=60, gpu=networks.features),


rule measure:
    """Metrics of one generation, for all seeds of a job."""
    input:
        real=inputs.real,
        samples=inputs.samples,
        curated=layout.arm_generation("curated.safetensors"),
        features=inputs.features,
        reference=inputs.reference,
        nearness=inputs.nearness,
        model=inputs.measured_model,
        touches=own_files(settings.measure),
    output:
        metrics=layout.arm_generation("metrics.csv"),
    log:
        layout.log(layout.arm_generation("metrics.csv")),
    benchmark:
        layout.benchmark(layout.arm_generation("metrics.csv"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("measure", mem_mb=4000, runtime=30, gpu=networks.measured),
    params:
        **params("measure.py", settings.measure),
    script:
        "../scripts/measure.py"


rule gather:
    """One table for the study, of metrics or of forecasts, from those of all its arms."""
    input:
        tables=inputs.gathered,
    output:
        gathered=layout.in_study("{table}.csv"),
    log:
        layout.log(layout.in_study("{table}.csv")),
    benchmark:
        layout.benchmark(layout.in_study("{table}.csv"))
    wildcard_constraints:
        table=targets.gathered,
    localrule: light_jobs_are_local
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        **resources("gather", mem_mb=1000, runtime=10),
    params:
        **params("gather.py"),
        columns=targets.columns,
    script:
        "../scripts/gather.py"
