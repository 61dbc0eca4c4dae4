# Runs to metrics: from predictions alone; the training set's class counts serve the post-hoc adjustment.


rule evaluate:
    input:
        predictions="results/runs/{study}/{dataset}/{condition}/seed-{seed}/predictions.csv",
        samples="results/datasets/{dataset}/samples.csv",
    output:
        "results/runs/{study}/{dataset}/{condition}/seed-{seed}/metrics.json",
    log:
        "results/logs/evaluate/{study}/{dataset}/{condition}/seed-{seed}.log",
    group:
        "run"
    conda:
        "../../envs/analysis.yaml"
    params:
        code=code_digest(["evaluation.evaluate"]),
    shell:
        "python -m imbalance_aware evaluate --predictions {input.predictions:q} --samples {input.samples:q}"
        " --out {output:q} 2> {log:q}"


rule compare:
    input:
        lambda wildcards: runs_of(wildcards, "predictions.csv"),
    output:
        "results/tables/{study}/differences.csv",
    log:
        "results/logs/compare/{study}.log",
    benchmark:
        "results/benchmarks/compare/{study}.tsv"
    conda:
        "../../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        baseline=baseline,
        code=code_digest(["evaluation.compare"]),
    shell:
        "python -m imbalance_aware compare --baseline {params.baseline:q} --out {output:q} {input:q} 2> {log:q}"
