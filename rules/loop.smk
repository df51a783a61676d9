"""The loop: train, sample, curate, train again.

Needs: `real.safetensors` of an origin, its judge where a reward asks for one.
Gives: for an origin `gen-000/{model,samples}.safetensors`; for an arm `gen-000/curated.safetensors` and, from generation 1
on, `gen-ttt/{model,samples,curated}.safetensors`. One generation is one group, so that a cluster starts one job for it.
"""


rule train_origin:
    """Generation 0: fit the model to real data."""
    input:
        real=project.real,
        start=project.checkpoint,
    output:
        model=layout.origin_generation("model.safetensors"),
    log:
        layout.log(layout.origin_generation("model.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("model.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("train_origin", mem_mb=4000, runtime=120),
    params:
        spec=project.spec("train_origin"),
        code=project.code("train.py", "train_origin"),
    script:
        "../scripts/train.py"


rule train_arm:
    """A later generation: train on what was kept of the one before, or of all before, mixed with real data."""
    input:
        real=project.real,
        samples=project.training_samples,
        curated=project.training_curated,
        source=project.training_source,
        start=project.start,
    output:
        model=layout.arm_generation("model.safetensors"),
    log:
        layout.log(layout.arm_generation("model.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("model.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("train_arm", mem_mb=4000, runtime=120),
    params:
        spec=project.spec("train_arm"),
        code=project.code("train.py", "train_arm"),
    script:
        "../scripts/train.py"


rule sample_origin:
    """Sample set of generation 0."""
    input:
        model=layout.origin_generation("model.safetensors"),
        real=project.real_of_sampler,
    output:
        samples=layout.origin_generation("samples.safetensors"),
    log:
        layout.log(layout.origin_generation("samples.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("samples.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("sample_origin", mem_mb=4000, runtime=60),
    params:
        spec=project.spec("sample"),
        code=project.code("sample.py", "sample"),
    script:
        "../scripts/sample.py"


rule sample_arm:
    """Sample set of a later generation, with latents of its own, or of generation 0 where the arm draws it otherwise."""
    input:
        model=project.model,
        real=project.real_of_sampler,
    output:
        samples=layout.arm_generation("samples.safetensors"),
    log:
        layout.log(layout.arm_generation("samples.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("samples.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("sample_arm", mem_mb=4000, runtime=60),
    params:
        spec=project.spec("sample"),
        code=project.code("sample.py", "sample"),
    script:
        "../scripts/sample.py"


rule curate:
    """Rewards of a generation's samples, and which of them are kept."""
    input:
        samples=project.samples,
        judge=project.judge,
        origin=project.origin_of_reward,
        real=project.text_of_reward,
    output:
        curated=layout.arm_generation("curated.safetensors"),
    log:
        layout.log(layout.arm_generation("curated.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("curated.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        project.environment("train")
    threads: 1
    resources:
        **project.resources("curate", mem_mb=2000, runtime=30),
    params:
        spec=project.spec("curate"),
        code=project.code("curate.py", "curate"),
    script:
        "../scripts/curate.py"
