"""The loop: train, sample, curate, train again.

Needs: `real.safetensors` of an origin, its judge where a reward asks for one.
Gives: for an origin `gen-000/{model,samples}.safetensors`; for an arm `gen-000/curated.safetensors` and, from generation 1
on, `gen-ttt/{model,samples,curated}.safetensors` and `gen-ttt/trained_on.json`, the list that names what accumulates. One
generation is one group, so that a cluster starts one job for it.
"""


rule train_origin:
    """Generation 0: fit the model to real data."""
    input:
        real=inputs.real,
        samples=[],
        curated=[],
        earlier=[],
        source=[],
        start=inputs.checkpoint,
        touches=own_files(settings.train_origin),
    output:
        model=layout.origin_generation("model.safetensors"),
        trained_on=[],
    log:
        layout.log(layout.origin_generation("model.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("model.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("train_origin", mem_mb=4000, runtime=120, gpu=networks.model),
    params:
        **params("train.py", settings.train_origin),
    script:
        "../scripts/train.py"


rule train_arm:
    """A later generation: train on what was kept of the one before, or of all before, mixed with real data."""
    input:
        real=inputs.real,
        samples=inputs.training_samples,
        curated=inputs.training_curated,
        earlier=inputs.training_earlier,
        source=inputs.training_source,
        start=inputs.start,
        touches=own_files(settings.train_arm),
    output:
        model=layout.arm_generation("model.safetensors"),
        trained_on=layout.arm_generation("trained_on.json"),
    log:
        layout.log(layout.arm_generation("model.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("model.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("train_arm", mem_mb=4000, runtime=120, gpu=networks.model),
    params:
        **params("train.py", settings.train_arm),
    script:
        "../scripts/train.py"


rule sample_origin:
    """Sample set of generation 0."""
    input:
        model=layout.origin_generation("model.safetensors"),
        real=inputs.real_of_sampler,
        touches=own_files(settings.sample),
    output:
        samples=layout.origin_generation("samples.safetensors"),
    log:
        layout.log(layout.origin_generation("samples.safetensors")),
    benchmark:
        layout.benchmark(layout.origin_generation("samples.safetensors"))
    group:
        "{study}-{origin}-{seeds}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("sample_origin", mem_mb=4000, runtime=60, gpu=networks.model),
    params:
        **params("sample.py", settings.sample),
    script:
        "../scripts/sample.py"


# A later generation has latents of its own; so has generation 0 of an arm that draws it otherwise.
use rule sample_origin as sample_arm with:
    input:
        model=inputs.model,
        real=inputs.real_of_sampler,
        touches=own_files(settings.sample),
    output:
        samples=layout.arm_generation("samples.safetensors"),
    log:
        layout.log(layout.arm_generation("samples.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("samples.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    resources:
        **resources("sample_arm", mem_mb=4000, runtime=60, gpu=networks.model),


rule curate:
    """Rewards of a generation's samples, and which of them are kept."""
    input:
        samples=inputs.samples,
        judge=inputs.judge,
        origin_model=inputs.origin_of_reward,
        real=inputs.text_of_reward,
        touches=own_files(settings.curate),
    output:
        curated=layout.arm_generation("curated.safetensors"),
    log:
        layout.log(layout.arm_generation("curated.safetensors")),
    benchmark:
        layout.benchmark(layout.arm_generation("curated.safetensors"))
    group:
        "{study}-{arm}-{seeds}-{generation}"
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("curate", mem_mb=2000, runtime=30, gpu=networks.scorer),
    params:
        **params("curate.py", settings.curate),
    script:
        "../scripts/curate.py"
