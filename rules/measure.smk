"""Numbers about generations.

Needs: sample and curated sets, held-out real data, the judge.
Gives: `metrics.csv` of every generation of every arm, and of the study.
"""


rule measure:
    """Metrics of one generation, for all seeds of a job."""
    input:
        real=project.real,
        samples=project.samples,
        curated=layout.arm_generation("curated.safetensors"),
        judge=project.judge,
    output:
        metrics=layout.arm_generation("metrics.csv"),
    log:
        layout.log(layout.arm_generation("metrics.csv")),
    benchmark:
        layout.benchmark(layout.arm_generation("metrics.csv"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=project.spec("measure"),
        code=project.code("measure.py", "measure"),
    script:
        "../scripts/measure.py"


rule gather_metrics:
    """One metrics table for the study."""
    input:
        tables=project.generation_tables,
    output:
        gathered=layout.in_study("metrics.csv"),
    log:
        layout.log(layout.in_study("metrics.csv")),
    benchmark:
        layout.benchmark(layout.in_study("metrics.csv"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        columns=project.metric_columns,
        code=project.code("gather.py"),
    script:
        "../scripts/gather.py"
