"""Params of training, and of the steps that judge its predictions."""

from imbalance_aware.config import run_settings
from imbalance_aware.journal.rendering import templates_digest
from imbalance_aware.journal.study_settings import card_settings
from imbalance_aware.journal.texts import CARD_TEMPLATES
from imbalance_aware.models.build import environment as network_environment
from imbalance_aware.runs.numbers import training_code
from imbalance_aware.runs.run_folder import TRAINING_PREDICTIONS, VALIDATION_PREDICTIONS


def train_code(wildcards):
    """What decides the numbers of this condition: editing another loss, or no number, leaves the run alone."""
    study = study_of(wildcards)
    metric = study.validation_metrics.get(wildcards.dataset)
    pretrained = study.model.weights is not None
    return training_code(condition_of(wildcards).terms, study.model.network, metric, pretrained)


def train_environment(wildcards):
    """The conda environment for training: networks of another package need that package."""
    return f"../../envs/{network_environment(study_of(wildcards).model.network)}.yaml"


TRAIN_ENVIRONMENT = one_environment(
    {network_environment(study.model.network) for study in STUDIES.values()}, train_environment
)


def explain_environment(wildcards):
    """The conda environment for explanations, which need MONAI, and the package of the network where that is another."""
    name = network_environment(study_of(wildcards).model.network)
    return f"../../envs/{EXPLAINED_IN.get(name, name)}.yaml"


#: Environments of training in which there is no MONAI.
EXPLAINED_IN = {"train": "monai"}
EXPLAIN_ENVIRONMENT = one_environment(
    {EXPLAINED_IN.get(name, name) for name in (network_environment(study.model.network) for study in STUDIES.values())},
    explain_environment,
)


def weights_option(wildcards, input):
    """Where the file of pretrained weights of the study is, as an option of the step; nothing where it has none.

    It takes `input` so that Snakemake does not record it: a file that was moved retrains nothing, other content does.
    """
    weights = study_of(wildcards).model.weights
    return option("weights", f"{weights.sha256}={os.path.abspath(weights.path)}") if weights else ""


def train_settings(wildcards):
    dataset_of(wildcards)
    settings = run_settings(study_of(wildcards), condition_of(wildcards).name, wildcards.dataset, CONFIG)
    return json.dumps(settings.decisive())


def bundle_settings(wildcards):
    """Settings and code of every condition of a study on a dataset, as JSON."""
    conditions = {}
    for name in study_of(wildcards).trained:
        run = SimpleNamespace(**wildcards, condition=name)
        conditions[name] = {"settings": json.loads(train_settings(run)), "code": train_code(run)}
        if name in study_of(wildcards).grids:
            conditions[name]["trials"] = json.loads(grid_argument(run))
    return json.dumps({"conditions": conditions})


def rival_code(wildcards):
    """The code of the step and of this rival: editing another one leaves it alone."""
    return code_digest(["rivals.classify", RIVALS[wildcards.rival].module])


def primary_of_rival(wildcards):
    """The metric that a rival's hyperparameter is chosen by, where there is a validation part."""
    condition_of(SimpleNamespace(study=wildcards.study, condition=rival_name(wildcards.condition, wildcards.rival)))
    metric = study_of(wildcards).validation_metrics.get(wildcards.dataset)
    return option("primary", metric) if metric else ""


def part_arguments(wildcards, input):
    """What each training predicted of its own training samples and validation part, and the metric to tune for.

    Which of these tables there are depends on the settings of the study and of the dataset, so that they are no outputs
    of the rules that train; they are made before the predictions that are.
    """
    place = os.path.dirname(input.predictions)
    pooled = wildcards.dataset in CROSS_VALIDATED and "fold" not in wildcards.keys()
    folders = [f"{place}/{fold}" for fold in fold_folders(wildcards.dataset)] if pooled else [f"{place}/"]
    study = study_of(wildcards)
    arguments = []
    if study.training.training_predictions:
        arguments += ["--training", *(f"{folder}{TRAINING_PREDICTIONS}" for folder in folders)]
    if metric := study.validation_metrics.get(wildcards.dataset):
        tables = [f"{folder}{VALIDATION_PREDICTIONS}" for folder in folders]
        arguments += ["--primary", metric, "--validation", *tables]
    return shlex.join(arguments)


def part_tables(wildcards):
    """The tables of `part_arguments`."""
    run = "results/runs/{study}/{dataset}/{condition}/{replicate}/".format(**wildcards)
    if "fold" in wildcards.keys():
        folders = [f"{run}fold-{wildcards.fold}/"]
    else:
        folders = [f"{run}{fold}" for fold in fold_folders(wildcards.dataset)]
    study = study_of(wildcards)
    names = [TRAINING_PREDICTIONS] if study.training.training_predictions else []
    names += [VALIDATION_PREDICTIONS] if wildcards.dataset in study.validation_metrics else []
    return [f"{folder}{name}" for name in names for folder in folders]


def context_argument(wildcards):
    """What the settings of a dataset say of its classes; they change metrics and nothing before."""
    known = dataset_of(wildcards).for_evaluate()
    return option("context", json.dumps(known)) if known else ""


def configs_of_replicate(wildcards):
    """The settings of each training of a replicate: of its folds, where it has them."""
    place = "results/runs/{study}/{dataset}/{condition}/{replicate}/".format(**wildcards)
    return [f"{place}{fold}config.yaml" for fold in fold_folders(wildcards.dataset)]


def card_files(wildcards, input, output):
    """Where the model card goes, and the settings that it is made from."""
    return shlex.join(["--card", output.card, "--configs", *input.configs])


def card_about(wildcards):
    """What a model card says of the dataset."""
    return option("about", json.dumps(explained(card_settings, dataset_of(wildcards))))


def contexts_of(wildcards):
    """What the settings of each dataset of a study say of its classes, as JSON."""
    names = study_of(wildcards).settings.datasets
    return json.dumps({name: known for name in names if (known := CONFIG.datasets[name].for_evaluate())})


def evaluation_settings(wildcards):
    """What a study is judged by, as JSON; the baseline is one of its own conditions."""
    return CONFIG.evaluation.model_copy(update={"baseline": study_of(wildcards).baseline}).model_dump_json()


def condition_columns(wildcards):
    """What the tables say of each condition, as JSON."""
    return json.dumps([condition.columns() for condition in study_of(wildcards).conditions.values()])
