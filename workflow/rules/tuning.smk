# Arrays to chosen values: trials, which never get the test part; the choice among them; runs with what was chosen.
#
# A network of a tuned study is always trained below results/trials/, in the folder of its values. So when a grid grows,
# the runs whose values are still the chosen ones are made again from the networks that are there.


use rule train as trial with:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_of_split,
    output:
        **tables_of_trial(f"{TRIALS}/{{split}}/{{trial}}"),
        model=f"{TRIALS}/{{split}}/{{trial}}/model.pt",
        config=f"{TRIALS}/{{split}}/{{trial}}/config.yaml",
        history=f"{TRIALS}/{{split}}/{{trial}}/history.csv",
    log:
        "results/logs/trial/{study}/{dataset}/{condition}/{split}/{trial}.log",
    benchmark:
        "results/benchmarks/trial/{study}/{dataset}/{condition}/{split}/{trial}.tsv"
    wildcard_constraints:
        condition=TRAINED,
        split=SPLIT,
    group:
        "trial"
    params:
        folder=subpath(output.model, parent=True),
        fold=trial_arguments,
        settings=trial_settings,
        seed=lambda wildcards: run_of_split(wildcards).seed,
        code=train_code,
        weights=weights_option,


rule choose:
    input:
        predictions=lambda wildcards: files_of_trials(wildcards, "validation_predictions.csv"),
        configs=lambda wildcards: files_of_trials(wildcards, "config.yaml"),
    output:
        f"{TRIALS}/{{split}}/trials.csv",
    log:
        "results/logs/choose/{study}/{dataset}/{condition}/{split}.log",
    wildcard_constraints:
        condition=TRAINED,
        split=SPLIT,
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        grid=grid_argument,
        primary=primary_of,
        code=code_digest(["tuning.choose"]),
    shell:
        "python -m imbalance_aware choose --grid {params.grid:q} --primary {params.primary} --out {output:q} 2> {log:q}"


rule train_chosen:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_if_any,
        trials=trials_of_run,
        networks=declared(networks_of_trials),
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}/{replicate}"),
        model="results/runs/{study}/{dataset}/{condition}/{replicate}/model.pt",
        config="results/runs/{study}/{dataset}/{condition}/{replicate}/config.yaml",
        history="results/runs/{study}/{dataset}/{condition}/{replicate}/history.csv",
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/predictions.csv",
        features="results/runs/{study}/{dataset}/{condition}/{replicate}/features.npy",
    log:
        "results/logs/train/{study}/{dataset}/{condition}/{replicate}.log",
    benchmark:
        "results/benchmarks/train/{study}/{dataset}/{condition}/{replicate}.tsv"
    wildcard_constraints:
        study=WITH_OTHER_SEEDS,
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,
    group:
        "run"
    conda:
        TRAIN_ENVIRONMENT
    threads: 1
    resources:
        mem_mb=growing(lambda wildcards: {"images": 4000, "volumes": 8000}[dataset_of(wildcards).kind]),
        runtime=growing(720),
        gpu=lambda wildcards: int(study_of(wildcards).training.device != "cpu"),
    params:
        folder=subpath(output.model, parent=True),
        fold="",
        trained=trained_of_run,
        settings=train_settings,
        seed=lambda wildcards: read_replicate(wildcards.replicate)[0],
        code=train_code,
        weights=weights_option,
        testing=code_digest(["tuning.train_chosen"]),
    shell:
        "python -m imbalance_aware train_chosen --images {input.images:q} --samples {input.samples:q} {params.fold}"
        " --trials {input.trials:q} --trained {params.trained:q} --settings {params.settings:q} --seed {params.seed}"
        " --code {params.code} --threads {threads} {params.weights} --out {params.folder:q} 2> {log:q}"
        f"{WITH_OPTIONAL}"


use rule train_chosen as train_chosen_fold with:
    input:
        images="results/datasets/{dataset}/images.npy",
        samples="results/datasets/{dataset}/samples.csv",
        folds=folds_table,
        trials=trials_of_run,
        networks=declared(networks_of_trials),
    output:
        **optional_outputs("results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}"),
        model="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/model.pt",
        config="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/config.yaml",
        history="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/history.csv",
        predictions="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/predictions.csv",
        features="results/runs/{study}/{dataset}/{condition}/{replicate}/fold-{fold}/features.npy",
    log:
        "results/logs/train/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.log",
    benchmark:
        "results/benchmarks/train/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.tsv"
    wildcard_constraints:
        study=WITH_OTHER_SEEDS,
        dataset="[^/]+",
        condition=TRAINED,
    group:
        "fold"
    params:
        folder=subpath(output.model, parent=True),
        fold=lambda wildcards, input: shlex.join(["--folds", input.folds, "--fold", wildcards.fold]),
        trained=trained_of_run,
        settings=train_settings,
        seed=lambda wildcards: read_replicate(wildcards.replicate)[0],
        code=train_code,
        weights=weights_option,
        testing=code_digest(["tuning.train_chosen"]),


# The chosen trial is the run of its seed: only its predictions of the test part are left to make.
use rule train_chosen as test_chosen with:
    benchmark:
        "results/benchmarks/test_chosen/{study}/{dataset}/{condition}/{replicate}.tsv"
    wildcard_constraints:
        study=WITH_SEED_OF_TRIALS,
        dataset=NOT_IN_FOLDS,
        condition=TRAINED,


use rule train_chosen_fold as test_chosen_fold with:
    benchmark:
        "results/benchmarks/test_chosen/{study}/{dataset}/{condition}/{replicate}/fold-{fold}.tsv"
    wildcard_constraints:
        study=WITH_SEED_OF_TRIALS,
        dataset="[^/]+",
        condition=TRAINED,


rule collect_trials:
    input:
        trials_of_study,
    output:
        "results/tables/{study}/trials.csv",
    log:
        "results/logs/collect_trials/{study}.log",
    localrule: True
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_digest(["tuning.collect"]),
    shell:
        "python -m imbalance_aware collect_trials --out {output:q} {input:q} 2> {log:q}"
