"""Where the files of results lie if Snakemake keeps them in a storage (`--default-storage-provider`), such as S3.

A job then works on local copies of what its rule declares, on a machine that may have nothing else. Without a storage
nothing here changes a path, a param or a command.
"""

from imbalance_aware.runs.run_folder import OPTIONAL

STORED = workflow.storage_registry.default_storage_provider is not None


def here(path):
    """Where a file or folder of results lies for a job of this process: with a storage, its local copy."""
    if not STORED:
        return path
    prefix = workflow.storage_settings.default_storage_prefix
    query = f"{prefix.rstrip('/')}/{path}" if prefix else path
    return str(workflow.storage_registry.default_storage_provider.object(query).local_path())


# Tables of a run that only some settings make it write, which no output can depend on. A storage keeps what is declared
# alone: there they are outputs of every run, empty where the settings name none.
OPTIONAL_OUTPUTS = {name.removesuffix(".csv"): name for name in OPTIONAL} if STORED else {}


def optional_outputs(folder):
    return {name: f"{folder}/{file}" for name, file in OPTIONAL_OUTPUTS.items()}


# The end of a command that writes the other files of a run.
WITH_OPTIONAL = "".join(f" && touch {{output.{name}:q}}" for name in OPTIONAL_OUTPUTS)


# Parts of commands. Another text of a command would repeat what it made, so without a storage they are as they always were.
TABLE_TO_RESIZE = "{input.cohort:q}" if STORED else "{input:q}"
WITH_RESULTS = f" --results {shlex.quote(here('results'))}" if STORED else ""


def declared(function):
    """Input function: what a step reads beside its inputs; with a storage it must be one of them."""
    return function if STORED else []


def generated_source(wildcards):
    """The folder that the paths in the cohort table of a generated dataset point into."""
    return expand("results/phantoms/{dataset}", dataset={wildcards.dataset} & set(GENERATED))
