"""Closed-form loops: thousands of generations in one job.

Needs: nothing but the study file.
Gives: `arms/{arm}/trajectories.safetensors` and `metrics.csv` of every simulated arm.
"""


rule simulate:
    """One arm of a simulated study: all seeds and generations."""
    input:
        touches=own_files(settings.simulate),
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
