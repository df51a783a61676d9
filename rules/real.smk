"""Real data and what is learnt from it once.

Needs: a study's origins; for published data sets, once, a network or a folder with the published files.
Gives: `real.safetensors` with training and held-out data, `judge.safetensors`, and a card beside either;
`reference.safetensors` with the features of real data, `nearness.safetensors` where memorisation is asked. Published data sets lie in the data folder, once for all studies.
"""


rule data:
    """All that needs a network, fetched ahead for machines whose compute nodes have none."""
    input:
        targets.fetched,
    localrule: True


for data_set in targets.shared_data:

    rule:
        """Fetch a published data set, verify it and store it once for all studies."""
        name:
            f"fetch_{data_set}"
        input:
            raw=[],
        output:
            real=layout.in_data(f"{data_set}.safetensors"),
            card=layout.in_data(f"{data_set}.json"),
        log:
            layout.log(layout.in_data(f"{data_set}.safetensors")),
        benchmark:
            layout.benchmark(layout.in_data(f"{data_set}.safetensors"))
        localrule: True
        conda:
            "../envs/train.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            **params("prepare_real.py", settings.shared(data_set)),
        script:
            "../scripts/prepare_real.py"


rule fetch_inception:
    """Fetch the network behind the literature's FID and verify it."""
    output:
        weights=targets.inception,
    log:
        layout.log(targets.inception),
    benchmark:
        layout.benchmark(targets.inception)
    localrule: True
    conda:
        "../envs/train.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        **params("fetch_inception.py"),
    script:
        "../scripts/fetch_inception.py"


rule real_data:
    """Draw or read an origin's real data; all seeds share them."""
    input:
        raw=inputs.raw_data,
        touches=own_files(settings.real),
    output:
        real=layout.in_origin("real.safetensors"),
        card=layout.in_origin("real.json"),
    log:
        layout.log(layout.in_origin("real.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("real.safetensors"))
    conda:
        environment("analysis")
    threads: 1
    resources:
        **resources("real_data", mem_mb=4000, runtime=30),
    params:
        **params("prepare_real.py", settings.real),
    script:
        "../scripts/prepare_real.py"


rule judge:
    """Train the judge of an origin and write its held-out accuracy to its card."""
    input:
        real=inputs.real,
        touches=own_files(settings.judge),
    output:
        judge=layout.in_origin("judge.safetensors"),
        card=layout.in_origin("judge.json"),
    log:
        layout.log(layout.in_origin("judge.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("judge.safetensors"))
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("judge", mem_mb=8000, runtime=240, gpu=networks.judge),
    params:
        **params("train_judge.py", settings.judge),
    script:
        "../scripts/train_judge.py"


rule reference:
    """Features of real data and their statistics, once for an origin."""
    input:
        real=inputs.real,
        judge=inputs.judge_of_features,
        fetched=inputs.feature_networks,
        touches=own_files(settings.reference),
    output:
        reference=layout.in_origin("reference.safetensors"),
    log:
        layout.log(layout.in_origin("reference.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("reference.safetensors"))
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("reference", mem_mb=4000, runtime=60, gpu=networks.features),
    params:
        **params("reference.py", settings.reference),
    script:
        "../scripts/reference.py"


rule nearness:
    """How near held-out data lie to all training data, once for an origin."""
    input:
        real=inputs.real,
        reference=inputs.reference,
        judge=inputs.judge_of_features,
        fetched=inputs.feature_networks,
        touches=own_files(settings.nearness),
    output:
        nearness=layout.in_origin("nearness.safetensors"),
    log:
        layout.log(layout.in_origin("nearness.safetensors")),
    benchmark:
        layout.benchmark(layout.in_origin("nearness.safetensors"))
    conda:
        environment("train")
    threads: 1
    resources:
        **resources("nearness", mem_mb=4000, runtime=60, gpu=networks.features),
    params:
        **params("nearness.py", settings.nearness),
    script:
        "../scripts/nearness.py"
