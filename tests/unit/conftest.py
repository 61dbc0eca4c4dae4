"""What several files of unit tests use. Of session scope: made once in a process, and changed by no test."""

import shutil

import pytest


@pytest.fixture
def one_thread():
    """Compute with torch on one thread, so that the sums of a network have one order."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """Folder of phantom photographs, with images.npy and samples.csv."""
    from training_cases import write_dataset

    return write_dataset(tmp_path_factory.mktemp("dataset"))


@pytest.fixture(scope="session")
def fresh(dataset, tmp_path_factory):
    """Folder of a run on ``dataset`` with the settings of `training_cases`, which nothing stopped."""
    from training_runs import run

    return run(dataset, tmp_path_factory.mktemp("fresh"))


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """Folder of photographs (data) and a run on them (run)."""
    from predict_cases import trained

    return trained(tmp_path_factory.mktemp("photographs"), channels=3)


@pytest.fixture(scope="session")
def volumes(tmp_path_factory):
    """Folder of volumes (data) and a run on them (run)."""
    from predict_cases import VOLUMES, trained

    return trained(tmp_path_factory.mktemp("volumes"), VOLUMES, dimensions=3, dtype="float16", edge=10)


@pytest.fixture(scope="session")
def explained_study(tmp_path_factory):
    """Folder of a study of two finished runs."""
    from explanation_cases import write_study

    return write_study(tmp_path_factory.mktemp("explained"))


@pytest.fixture(scope="session")
def explained(explained_study, tmp_path_factory):
    """Folder of what the step `explanations` wrote of that study."""
    from explanation_cases import explain

    out = tmp_path_factory.mktemp("out")
    assert explain(explained_study, out) == 0
    return out


@pytest.fixture
def published(checkout):
    """The values that the paper prints."""
    from imbalance_aware.reporting.summary import read_published

    return read_published(checkout / "resources" / "published_results.csv")


@pytest.fixture(scope="session")
def heads(tmp_path_factory):
    """Folder of an atlas and two drawn heads, `mri_cases.HEALTHY` and ``other``."""
    import mri_cases

    folder = tmp_path_factory.mktemp("heads")
    mri_cases.write_subjects(folder, {mri_cases.HEALTHY: "glioblastoma", "other": "astrocytoma"})
    return folder


@pytest.fixture(scope="session")
def preprocessed(heads, tmp_path_factory):
    """Folder with all files of the healthy head after preprocessing, and its last report."""
    import mri_cases

    out = tmp_path_factory.mktemp("preprocessed")
    report = mri_cases.preprocess(heads, mri_cases.HEALTHY, out)
    return out / mri_cases.HEALTHY, report


@pytest.fixture
def patient(heads, tmp_path):
    """Folder of a copy of the atlas and of the healthy head, which a test may damage."""
    import mri_cases

    for name in ("atlas", mri_cases.HEALTHY):
        shutil.copytree(heads / name, tmp_path / name)
    return tmp_path
