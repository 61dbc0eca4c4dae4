"""Training on a workstation with several GPUs, which are stand-ins: Snakemake counts them, and each job takes one.

The networks are trained on the CPU. Only the question whether torch has GPUs, and which, is answered by the test.
"""

import json
import shutil
from collections import Counter

import pytest
from tiny_study import TINY

pytestmark = pytest.mark.slow

CARDS = ["card-a", "card-b"]
#: In place of torch's answers: the cards that this process may use, by the names that they have in every process.
STAND_IN = """
    from types import SimpleNamespace
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = {cards} if visible is None else [{cards}[int(number)] for number in visible.split(",") if number]
    torch = SimpleNamespace(cuda=SimpleNamespace(
        device_count=lambda: len(names),
        get_device_properties=lambda index: SimpleNamespace(uuid=names[index], name=names[index]),
        set_device=lambda index: None,
    ))
"""
#: Notes which card a job took, and until when.
NOTED = """
    import atexit, json, time
    started = time.time()
    card = gpus.of_this_process()
    def note():
        with open({path!r}, "a") as file:
            line = {{"index": card.index, "others": card.others, "from": started, "to": time.time()}}
            file.write(json.dumps(line) + "\\n")
    atexit.register(note)
    set_up(threads)
    return _cpu(settings)
"""
CONDITIONS = {f"ce-{number}": "ce\tuniform\tfalse\t{}" for number in range(4)}
RUNS = [f"results/runs/tiny/fundus_phantoms/{condition}/seed-0/model.pt" for condition in CONDITIONS]


@pytest.fixture(scope="module")
def workstation(workflow):
    """A copy of the workflow that believes it is on a machine with two GPUs, with the data of the tiny study."""
    package = workflow.folder / "src/imbalance_aware"
    notes, locks = workflow.folder / "notes", workflow.folder / "locks"
    edit(package / "gpus.py", "    import torch\n", STAND_IN.format(cards=CARDS))
    edit(package / "gpus.py", 'Path(tempfile.gettempdir()) / f"imbalance-aware-gpus-{os.getuid()}"', f'Path("{locks}")')
    edit(
        package / "runs/select_device.py",
        "    set_up(threads)\n    available",
        NOTED.format(path=str(notes)) + "    available",
    )
    study = TINY["studies"]["tiny"]
    training = study["training"] | {"device": "auto", "epochs": 12}
    workflow.configure(TINY | {"studies": {"tiny": study | {"training": training}}})
    workflow.conditions(CONDITIONS)
    workflow.run("results/datasets/fundus_phantoms/images.npy")
    return workflow


def edit(path, old, new):
    text = path.read_text()
    assert text.count(old) >= 1, (path, old)
    path.write_text(text.replace(old, new, 1))


def trained(workflow, runs, *options):
    """Train runs; what each noted, and how many were on a card at the same time."""
    notes = workflow.folder / "notes"
    notes.unlink(missing_ok=True)
    shutil.rmtree(workflow.folder / "locks", ignore_errors=True)
    workflow.run(*runs, "--forcerun", "train", "--cores", "4", *options)
    lines = [json.loads(line) for line in notes.read_text().splitlines()]
    together = [
        Counter(other["index"] for other in lines if other["from"] <= line["from"] < other["to"]) for line in lines
    ]
    assert len(lines) == len(runs)
    return lines, together


def test_every_training_has_a_card_of_its_own(workstation):
    lines, together = trained(workstation, RUNS, "--resources", "gpu=2")
    assert all(set(cards.values()) == {1} for cards in together), "never two on a card"
    assert max(map(len, together)) == 2, "both are used"
    assert all(line["others"] == 0 for line in lines)


def test_small_runs_share_cards_evenly(workstation):
    _, together = trained(workstation, RUNS, "--resources", "gpu=4")
    assert max(cards.total() for cards in together) > 2
    assert max(max(cards.values()) for cards in together) == 2


def test_only_visible_cards_are_taken(workstation, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    _, together = trained(workstation, RUNS[:2], "--resources", "gpu=1")
    assert together == [Counter({0: 1})] * 2, "one after the other, on the only card that is visible"
    assert not list((workstation.folder / "locks").glob("card-a*"))
