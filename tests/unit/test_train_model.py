"""The command line's checkpoint belongs to what the run learns from: its data and its teacher's logits too."""

import json
import re
import subprocess
from dataclasses import asdict

import pytest
import torch
import train_model

from dark_knowledge.command import InputError
from dark_knowledge.data.parts import Split
from dark_knowledge.data.prepared import save_dataset
from dark_knowledge.data.preparing import prepare
from dark_knowledge.training.checkpoint import Progress
from dark_knowledge.training.teacher_logits import save_teacher_logits

from .training import save_record

ARCHITECTURE = {"architecture": "plain", "channels": [4, 8], "pool": [True, True]}


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture
def distil(idx_files, recipe, tmp_path, monkeypatch):
    """Run the command line on a split of the subset and logits [3, 500, 10]; returns the run's folder."""

    def distil(logits: torch.Tensor, split_seed: int = 0, folder: str = "run"):
        prepared = prepare(idx_files, 10, Split(validation=100, seed=split_seed))
        save_dataset(tmp_path / "dataset.safetensors", *prepared)
        save_teacher_logits(tmp_path / "logits.safetensors", logits, recipe(epochs=3), seed=0)
        save_record(tmp_path / "logits.safetensors")
        options = {
            "data": tmp_path / "dataset.safetensors",
            "architecture": json.dumps(ARCHITECTURE),
            "recipe": json.dumps(asdict(recipe(epochs=3))),
            "seed": 0,
            "split-seed": split_seed,
            "teacher-logits": tmp_path / "logits.safetensors",
            "temperature": 4,
            "hard-weight": 0.1,
            "accelerator": "cpu",
            "precision": "float32",
            "out": tmp_path / folder,
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        monkeypatch.setattr("sys.argv", ["train_model.py", *words])
        train_model.main()
        return tmp_path / folder

    return distil


@pytest.fixture
def logits():
    """Made-up teacher's logits, as many draws as wanted."""
    generator = torch.Generator().manual_seed(0)
    return lambda: torch.randn(3, 500, 10, generator=generator).half()


@pytest.fixture
def killed(distil, monkeypatch):
    """As `distil`, but killed after the last epoch, before anything but the checkpoint is written."""

    def killed(*arguments) -> None:
        def die(*_):
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(train_model, "save_weights", die)
            with pytest.raises(KilledError):
                distil(*arguments)

    return killed


def test_a_run_writes_its_folder_and_removes_its_checkpoint(distil, logits):
    folder = distil(logits())
    curves = set(folder.glob("events.out.tfevents.*"))  # where TensorBoard is installed
    assert sorted(path.name for path in {*folder.iterdir()} - curves) == [
        "history.parquet",
        "metrics.json",
        "selected.safetensors",
        "steps.parquet",
        "weights.safetensors",
    ]
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == 3


def test_a_record_has_the_time_of_all_epochs_and_the_speed_of_the_middle_one(tmp_path, monkeypatch):
    monkeypatch.setattr(train_model, "run_sums", lambda folder: {})
    history = [
        {"validation_accuracy": accuracy, "seconds": seconds, "images_per_second": 600 / seconds}
        for accuracy, seconds in ((0.5, 2.0), (0.7, 6.0), (0.6, 3.0))
    ]
    train_model.write_record(tmp_path, {"seed": 4}, Progress(history=history, selected_epoch=1))
    record = json.loads((tmp_path / "metrics.json").read_text())
    assert record["validation_accuracy"] == {"last": 0.6, "selected": 0.7}
    assert (record["seed"], record["epochs"], record["selected_epoch"]) == (4, 3, 1)
    assert (record["seconds"], record["images_per_second"]) == (11, 200)


def test_a_run_killed_before_its_outputs_continues(distil, killed, logits, capsys):
    teacher = logits()
    killed(teacher)
    found = (distil(teacher) / "weights.safetensors").read_bytes()
    assert "continuing after epoch 3" in capsys.readouterr().out
    assert found == (distil(teacher, folder="fresh") / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("change", ["teacher", "split"])
def test_a_checkpoint_of_another_teacher_or_split_is_not_continued(distil, killed, logits, capsys, change):
    one, other = logits(), logits()
    killed(one)
    settings = {"teacher": {"logits": other}, "split": {"logits": one, "split_seed": 1}}[change]
    found = (distil(**settings) / "weights.safetensors").read_bytes()
    assert "continuing" not in capsys.readouterr().out
    assert found == (distil(**settings, folder="fresh") / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("damaged", ["dataset", "logits"])
def test_an_input_of_which_a_byte_is_another_is_refused(distil, logits, tmp_path, monkeypatch, damaged):
    def damage() -> None:
        path = tmp_path / f"{damaged}.safetensors"
        content = path.read_bytes()
        path.write_bytes(content[:-100] + bytes([content[-100] ^ 1]) + content[-99:])

    monkeypatch.setattr("train_model.parse_arguments", lambda parse=train_model.parse_arguments: damage() or parse())
    with pytest.raises(
        InputError, match=rf"an input is damaged: .*{damaged}.safetensors, .*delete it and run the same"
    ):
        distil(logits())
    assert not (tmp_path / "run").exists()


def test_a_commit_says_whether_files_differ_from_it(tmp_path, monkeypatch):
    script = tmp_path / "train_model.py"
    script.write_text("as committed")
    for words in ("init -q", "add .", "-c user.name=a -c user.email=a@b commit -qm first"):
        subprocess.run(["git", *words.split()], cwd=tmp_path, check=True)
    monkeypatch.setattr(train_model, "__file__", str(script))
    commit = train_model.git_commit()
    assert re.fullmatch("[0-9a-f]{12}", commit)
    script.write_text("edited")
    assert train_model.git_commit() == f"{commit}-dirty"


@pytest.mark.parametrize("content", ["", "no program", "#!/nowhere/sh\n"])
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_git_that_does_not_run_costs_no_training(tmp_path, monkeypatch, content, mode):
    (tmp_path / "git").write_text(content)
    (tmp_path / "git").chmod(mode)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert train_model.git_commit() is None
