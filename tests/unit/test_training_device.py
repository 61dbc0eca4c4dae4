"""Where a run computes: the GPU it takes and its precision, on GPUs that are not there."""

import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from imbalance_aware import gpus as cards
from imbalance_aware.errors import UserError
from imbalance_aware.preprocessing.brain_extraction import torch_device
from imbalance_aware.runs import select_device
from imbalance_aware.runs.settings import TrainingSettings
from imbalance_aware.training.inference import predict

NAMES = ["gpu-a", "gpu-b", "gpu-c"]


@pytest.fixture
def gpus(monkeypatch, tmp_path):
    """Makes torch report GPUs of the given compute capabilities; returns what was set up."""
    done = SimpleNamespace(index=None)

    def report(*capabilities):
        properties = [
            SimpleNamespace(name=f"Card {number}", major=major, minor=minor, uuid=f"uuid-{number}")
            for number, (major, minor) in enumerate(capabilities)
        ]
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(properties))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(properties))
        monkeypatch.setattr(torch.cuda, "get_device_properties", properties.__getitem__)
        monkeypatch.setattr(torch.cuda, "set_device", lambda index: setattr(done, "index", index))
        return done

    monkeypatch.setattr(cards, "FOLDER", tmp_path / "gpus")
    for module, name in [(torch.backends.cudnn, "allow_tf32"), (torch.backends.cudnn, "benchmark")]:
        monkeypatch.setattr(module, name, getattr(module, name))
    yield report
    cards.of_this_process.cache_clear()


def select(**settings):
    """As in a new process."""
    cards.of_this_process.cache_clear()
    return select_device.select_device(TrainingSettings(**settings), threads=1)


@pytest.mark.parametrize(
    ("capability", "precision"),
    [((6, 0), "float32"), ((7, 5), "float32"), ((8, 0), "bfloat16"), ((8, 9), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_auto_is_bfloat16_where_the_card_has_it(gpus, capability, precision):
    gpus(capability)
    assert select().precision == precision
    assert select(precision="float32").precision == "float32"


def test_bfloat16_on_a_card_without_it_is_refused(gpus):
    gpus((7, 5))
    with pytest.raises(UserError, match=r"Card 0 has compute capability 7\.5.* need 8\.0.*precision: auto or float32"):
        select(precision="bfloat16")


def test_jobs_take_different_cards(gpus, caplog):
    caplog.set_level(logging.INFO)
    done, held = gpus((8, 0), (8, 0), (7, 0)), []
    for index, precision in enumerate(["bfloat16", "bfloat16", "float32", "bfloat16", "bfloat16"]):
        device = select()
        assert (device.torch_device, device.precision) == (torch.device("cuda", index % 3), precision)
        assert done.index == index % 3
        held.append(cards.of_this_process())
    assert "on GPU 1 of 3, Card 1; other jobs on it: 1" in caplog.text
    del held[2]
    assert select().torch_device.index == 2, "what has ended counts no more"


def test_brain_extraction_takes_a_card_of_its_own_too(gpus):
    gpus((8, 0), (8, 0))
    held = [cards.of_this_process()]
    cards.of_this_process.cache_clear()
    assert torch_device("auto") == "cuda"
    assert [card.index for card in [*held, cards.of_this_process()]] == [0, 1]


def test_no_gpu_is_told(gpus, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    gpus()
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert select().torch_device.type == "cpu"
    assert "device auto: on the CPU, since torch finds no GPU here (CUDA_VISIBLE_DEVICES is '')" in caplog.text
    with pytest.raises(UserError, match="torch finds no GPU here"):
        select(device="cuda")
    monkeypatch.setattr(torch.version, "cuda", None)
    caplog.clear()
    select()
    assert "this torch is built for CPUs only" in caplog.text
    caplog.clear()
    assert torch_device("auto") == "cpu"
    assert "brain_extraction.device auto: on the CPU, since torch finds no GPU" in caplog.text
    caplog.clear()
    select(device="cpu")
    assert not caplog.text, "the CPU was asked for"


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_float32_is_float32(gpus, monkeypatch, precision, deterministic):
    """Without TF32; and kernels are tuned for training alone."""
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda wanted: None)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    gpus((8, 0))
    torch.backends.cudnn.allow_tf32 = True
    select(precision=precision, deterministic=deterministic)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is False
    assert torch.backends.cudnn.benchmark is not deterministic


def test_images_are_classified_in_float32_with_kernels_as_they_come(monkeypatch):
    cudnn, seen = torch.backends.cudnn, []
    monkeypatch.setattr(cudnn, "allow_tf32", True)
    monkeypatch.setattr(cudnn, "benchmark", True)

    class Model(torch.nn.Module):
        def features(self, batch):
            seen.append((cudnn.allow_tf32, cudnn.benchmark, torch.is_autocast_enabled("cpu")))
            return batch.flatten(1)

        def head(self, features):
            return features

    images = SimpleNamespace(
        shape=(2, 2), batches=lambda rows, changes: (torch.ones(len(part), 1, 2, 2) for part in rows)
    )
    predict(Model(), images, torch.arange(5).numpy(), None, 2)
    assert seen == [(False, False, False)] * 3
    assert cudnn.allow_tf32 and cudnn.benchmark, "as before"


def test_a_card_is_free_when_its_process_is_killed(tmp_path):
    tell = (
        "import sys, pathlib; from imbalance_aware.gpus import take;"
        f"card = take({NAMES}, pathlib.Path({str(tmp_path)!r})); print(card.index, flush=True); sys.stdin.read()"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", tell], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    indices = [int(process.stdout.readline()) for process in processes]
    assert sorted(indices) == [0, 1, 2], "one each, though they start at once"
    assert cards.take(NAMES, tmp_path).others == 1
    victim = processes[indices.index(1)]
    victim.kill()
    victim.wait()
    card = cards.take(NAMES, tmp_path)
    assert (card.index, card.others) == (1, 0)
    for process in processes:
        process.kill()
        process.communicate()


def test_cards_are_known_by_name_and_not_by_number(tmp_path):
    """A scheduler shows each job its own cards, which every job numbers from 0."""
    first = cards.take(["gpu-c"], tmp_path)
    second = cards.take(["gpu-c", "gpu-a"], tmp_path)
    assert (first.index, second.index) == (0, 1)


def test_what_ended_runs_leave_is_removed(tmp_path):
    for _ in range(5):
        cards.take(NAMES, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
