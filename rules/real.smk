"""Real data and what is learnt from it once.

Needs: a study's origins.
Gives: `real.safetensors` with training and held-out data, `judge.safetensors`, and a card beside either.
"""


rule real_data:
    """Draw or read an origin's real data; all seeds share them."""
    output:
        real=layout.in_origin("real.safetensors"),
        card=layout.in_origin("real.json"),
    log:
        layout.log(layout.in_origin("real.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("real.safetensors"))
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        spec=project.spec("real"),
        code=project.code("prepare_real.py", "real"),
    script:
        "../scripts/prepare_real.py"


rule judge:
    """Train the judge of an origin and write its held-out accuracy to its card."""
    input:
        real=layout.in_origin("real.safetensors"),
    output:
        judge=layout.in_origin("judge.safetensors"),
        card=layout.in_origin("judge.json"),
    log:
        layout.log(layout.in_origin("judge.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("judge.safetensors"))
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        spec=project.spec("judge"),
        code=project.code("train_judge.py", "judge"),
    script:
        "../scripts/train_judge.py"
