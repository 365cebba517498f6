"""Wrong networks, teachers and losses of a study: one line, the key, what is allowed, before any job."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest

from dark_knowledge import fingerprint
from dark_knowledge.command import InputError
from dark_knowledge.study import model_section
from dark_knowledge.study.arms import Arm, arm_named, arms_of, network_of
from dark_knowledge.study.checking import check_config
from dark_knowledge.study.signatures import module_file

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
NETS = """
from torch import nn
from other_nets import deep as renamed
import sys

def wide(num_classes, image_shape, width, *, depth=2): ...
def no_classes(width): ...
def anything(**settings): ...
def reserved(num_classes, recipe, members=3): ...
class Net(nn.Module):
    def __init__(self, num_classes, width=3): ...
built = sys
try:
    from nowhere import tried
except ImportError:
    def tried(num_classes): ...
if sys.platform:
    chosen = Net
"""
PLAIN = {"architecture": "plain", "channels": [3], "pool": [True]}
DISTILLED = {"teacher": "resnet", "student": "student", "temperatures": [4], "hard_weight": 0}
TAUGHT_WITHOUT_WEIGHT = {"model": "student", "teacher": "resnet", "temperature": 4}
TAUGHT = TAUGHT_WITHOUT_WEIGHT | {"hard_weight": 0.1}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "other_nets.py").write_text("def deep(num_classes, layers): ...\n")
    (tmp_path / "circle.py").write_text("from round import *\ndef wide(num_classes): ...\n")
    (tmp_path / "round.py").write_text("from circle import *\ndef other(num_classes, layers): ...\n")
    (tmp_path / "wrong.py").write_text("def wide(:\n")
    (tmp_path / "latin.py").write_text("# coding: latin-1\n# für Bilder\ndef wide(num_classes): ...\n", "latin-1")
    (tmp_path / "beside_wrong.py").write_text("import wrong\ndef wide(num_classes): ...\n")
    for name in ("a.pth", "a.safetensors", "logits.npz"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


def study(config: dict, folder: Path, **changes: dict) -> dict:
    """The study with further entries in its sections, its files located."""
    config = copy.deepcopy(config)
    for section, entries in changes.items():
        config.setdefault(section, {}).update(entries)
    check_config(config, SCHEMA, [folder])
    return config


def net(architecture: object, **settings: object) -> dict:
    return {"models": {"mine": {"architecture": architecture, "recipe": "student", **settings}}}


def elsewhere(**settings: object) -> dict:
    return {"models": {"mine": PLAIN | settings}}


def ensemble(members: str) -> dict:
    return {"models": {"mine": {"architecture": "ensemble", "members": members, "mean": "geometric"}}}


def logits(file: object, **settings: object) -> dict:
    return {"models": {"mine": {"architecture": "logits", "file": file, **settings}}}


WRONG = [
    # networks
    (net("nets.py"), "models.mine.architecture is 'nets.py'; allowed: cifar-resnet,"),
    (net("nets.py:"), "models.mine.architecture is 'nets.py:'; allowed: cifar-resnet,"),
    (net("nets.py:wide or"), "models.mine.architecture is 'nets.py:wide or'"),
    (net(3), "models.mine.architecture is 3; allowed: cifar-resnet,"),
    (net("nowhere.py:wide"), "models.mine.architecture names 'nowhere.py', which is no file in /"),
    (net("nets.py:wider", width=3), "nets.py has no 'wider'; allowed: a function or class that stands there"),
    (net("nets.py:wide"), "key 'models.mine.width' is missing"),
    (net("nets.py:wide", widht=3, width=3), "unknown key 'models.mine.widht'; did you mean 'width'?"),
    (net("nets.py:wide", width=3, num_classes=4), "models.mine.num_classes is set; leave it out, for it is the data"),
    (net("nets.py:no_classes", width=3), "nets.py:no_classes takes no argument num_classes; give it one"),
    (net("nets.py:Net", widths=3), "unknown key 'models.mine.widths'; did you mean 'width'?"),
    (net("nets.py:renamed"), "key 'models.mine.layers' is missing"),
    (net("circle.py:other"), "key 'models.mine.layers' is missing"),
    (net("circle.py:neither"), "circle.py has no 'neither'"),
    (net("nets.py:anything", widths={1: 2}), "models.mine.widths has an entry named 1; allowed: text that"),
    (net("nets.py:anything", widths={1: 2, "a": 3}), "models.mine.widths has an entry named 1"),
    (net("wrong.py:wide"), "wrong.py, line 1: invalid syntax; correct it"),
    (net("beside_wrong.py:wide"), "/wrong.py, line 1: invalid syntax; correct it"),
    (net("latin.py:wide"), "latin.py, or a file that it imports, is no text in UTF-8; save it as such"),
    (net("no_such_module:wide"), "models.mine.architecture: no module 'no_such_module' is installed"),
    (net("torchvision.modles:resnet18"), "models.mine.architecture: no module 'torchvision.modles' is installed"),
    (net("torchvision.models:resnet19"), "torchvision.models has no 'resnet19'; allowed"),
    (net("nets.py:anything", recipe="pupil"), "models.mine.recipe is 'pupil', which is not defined"),
    (net("nets.py:anything", code=16), "nets.py:anything no argument 'code', since that name has another meaning to"),
    (net("nets.py:anything", file="b.npz"), "nets.py:anything no argument 'file', since"),
    (net("nets.py:reserved", members=[3]), "nets.py:reserved no argument 'members', since"),
    (net("torch.nn:Identity", file=3), "models.mine can give torch.nn:Identity no argument 'file', since"),
    (net("nets.py:reserved"), "nets.py:reserved no argument 'recipe', since"),
    (net("nets.py:anything", members=[3]) | {"teachers": {"a": TAUGHT | {"model": "mine"}}}, "no argument 'members'"),
    (net("cifar-resnet", depth=21, channels=[1, 1, 2, 4]), "models.mine.depth is 21; allowed: 8, 14, 20,"),
    (net("cifar-resnet", depth=20, channels=[1, 2, 4]), "models.mine.channels is [1, 2, 4]; allowed: a list of 4"),
    (net("wide-resnet", depth=40, widen=0), "models.mine.widen is 0; allowed: a whole number from 1 to 20"),
    # teachers from elsewhere
    (elsewhere(), "key 'models.mine.recipe' is missing; add it, or `weights` where it was trained elsewhere"),
    (elsewhere(weights="b.pth"), "models.mine.weights names 'b.pth', which is no file in /"),
    (elsewhere(weights="nets.py"), "models.mine.weights is 'nets.py'; allowed: a file .safetensors, .pt or .pth"),
    (elsewhere(weights=3), "models.mine.weights is 3; allowed: a file"),
    (elsewhere(weights="a.pth", recipe="student"), "models.mine has recipe and weights; allowed: one of them"),
    (logits("b.npz"), "models.mine.file names 'b.npz', which is no file in /"),
    (logits("a.pth"), "models.mine.file is 'a.pth'; allowed: a file .npz or .safetensors"),
    (logits("logits.npz", recipe="student"), "unknown key 'models.mine.recipe'; allowed: architecture, file"),
    (
        logits("logits.npz") | {"experiments": {"x": DISTILLED | {"teacher": "mine"}}},
        "mine has only logits of unaugmented images, but recipes.student of its student student augments; give student",
    ),
    (
        elsewhere(weights="a.pth") | {"experiments": {"x": DISTILLED | {"student": "mine"}}},
        "experiments.x.student is 'mine', which is not defined; defined are: plain-teacher, resnet, student",
    ),
    # teachers that were taught
    ({"teachers": {"a": {"teacher": "resnet"}}}, "key 'teachers.a.model' is missing"),
    ({"teachers": {"a": TAUGHT | {"model": "nobody"}}}, "teachers.a.model is 'nobody', which is not defined"),
    ({"teachers": {"a": TAUGHT | {"teacher": "nobody"}}}, "teachers.a.teacher is 'nobody', which is not defined"),
    ({"teachers": {"a": {"model": "student", "teacher": "resnet"}}}, "key 'teachers.a.temperature' is missing"),
    ({"teachers": {"a": TAUGHT_WITHOUT_WEIGHT}}, "key 'teachers.a.hard_weight' is missing"),
    ({"teachers": {"a": {"model": "student", "temperature": 4}}}, "teachers.a.temperature is set without a teacher"),
    ({"teachers": {"a": TAUGHT | {"loss": "dkd"}}}, "teachers.a.loss is 'dkd', which is not defined"),
    ({"teachers": {"resnet": TAUGHT}}, "teachers.resnet has the name of a model; allowed: any other name"),
    ({"teachers": {"a": TAUGHT | {"seed": 3}}}, "unknown key 'teachers.a.seed'; allowed: hard_weight, loss, model"),
    ({"teachers": {"a": TAUGHT | {"teacher": "a"}}}, "teachers.a learns in the end from itself; name another teacher"),
    (
        {"teachers": {"a": TAUGHT | {"teacher": "b"}, "b": TAUGHT | {"teacher": "a"}}},
        "teachers.a learns in the end from itself",
    ),
    (ensemble("a") | {"teachers": {"a": TAUGHT | {"teacher": "mine"}}}, "teachers.a learns in the end from itself"),
    (ensemble("b") | {"teachers": {"a": TAUGHT}}, "models.mine.members is 'b', which is not defined; defined are: a,"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), WRONG, ids=[said for _, said in WRONG])
def test_what_is_wrong_is_named_in_one_line_with_what_is_allowed(config, folder, changes, said):
    with pytest.raises(InputError) as error:
        study(config, folder, **changes)
    message = str(error.value)
    assert message.startswith("config: ")
    assert "\n" not in message
    assert said in message


@pytest.mark.parametrize(
    "changes",
    [
        net("nets.py:wide", width=3, depth=4),
        net("nets.py:anything", width=[3, {"deep": None}]),
        net("nets.py:Net"),
        net("nets.py:renamed", layers=3),
        net("nets.py:built", any=3),
        net("nets.py:tried", any=3),
        net("nets.py:chosen", any=3),
        net("torchvision.models:resnet18", norm_layer=None),
        net("torch.nn:Identity"),
        net("cifar-resnet", depth=8, channels=[32, 64, 128, 256]),
        net("wide-resnet", depth=16, widen=2),
        elsewhere(weights="a.pth"),
        elsewhere(weights="a.safetensors"),
        logits("logits.npz"),
        {"teachers": {"a": TAUGHT, "b": TAUGHT | {"teacher": "a"}, "c": {"model": "student"}}},
        ensemble("a") | {"teachers": {"a": TAUGHT}},
    ],
    ids=str,
)
def test_what_is_allowed_passes(config, folder, changes):
    study(config, folder, **changes)


def test_files_are_found_beside_the_study_or_where_snakemake_runs(config, folder, tmp_path, monkeypatch):
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    found = study(config, folder, **net("nets.py:wide", width=3))
    assert found["models"]["mine"]["architecture"] == "../nets.py:wide"
    here = copy.deepcopy(config)
    here["models"]["mine"] = PLAIN | {"weights": "a.pth"}
    check_config(here, SCHEMA, [tmp_path / "below", folder])
    assert here["models"]["mine"]["weights"] == "../a.pth"
    monkeypatch.setenv("HOME", str(folder))
    here["models"]["mine"]["weights"] = "~/a.pth"
    check_config(here, SCHEMA)
    assert here["models"]["mine"]["weights"] == str(folder / "a.pth")


def read_anew() -> None:
    """Forget what was read of files, as another start of Snakemake does."""
    for cached in (fingerprint._normalised, fingerprint._tree):
        cached.cache_clear()


def test_an_edit_of_a_users_file_is_seen_and_a_comment_is_not(config, folder, monkeypatch):
    monkeypatch.chdir(folder)
    found = study(config, folder, **net("nets.py:wide", width=3))
    first = network_of(found, "mine")
    (folder / "nets.py").write_text(f"# a comment\n{NETS}")
    read_anew()
    assert network_of(found, "mine") == first
    assert network_of(found, "student") == network_of(config, "student")
    (folder / "other_nets.py").write_text("def deep(num_classes, layers): return 1\n")
    read_anew()
    assert network_of(found, "mine")["code"] != first["code"]


def test_a_chain_brings_all_that_teaches_it(config, folder):
    chain = {"teacher": "b", "student": "student", "temperatures": [2], "hard_weight": 0, "seeds": [7]}
    found = study(
        config, folder,
        teachers={"a": TAUGHT, "b": TAUGHT | {"teacher": "a", "loss": "dist"}},
        experiments={"custom": None, "resnet": None, "x": chain},
    )  # fmt: skip
    assert arm_named(found, "b").supervision == "a_T4_w0.1_by-dist"
    assert set(arms_of(found)) == {
        Arm("resnet"),
        Arm("student"),
        Arm("student", "resnet", 4, 0.1),
        Arm("student", "a", 4, 0.1, loss="dist"),
        Arm("student", "b", 2, 0),
    }
    assert all(seeds == [7] for seeds in arms_of(found).values())


def test_what_was_not_trained_here_is_one_run_and_an_ensemble_brings_its_members(config, folder):
    x = {"teacher": "mine", "student": "student", "temperatures": [2], "hard_weight": 0}
    of_file = study(config, folder, **elsewhere(weights="a.pth"), experiments={"custom": None, "resnet": None, "x": x})
    assert arms_of(of_file)[Arm("mine")] == [0]
    assert "weights" not in network_of(of_file, "mine")
    of_students = study(
        config, folder, **ensemble("a"), teachers={"a": TAUGHT}, experiments={"custom": None, "resnet": None, "x": x}
    )
    assert arms_of(of_students)[Arm("mine")] == [0]
    assert arms_of(of_students)[Arm("student", "resnet", 4, 0.1)] == arms_of(of_students)[Arm("resnet")] == [0, 1, 2]
    assert network_of(of_students, "mine")["members"]["channels"] == [32, 48, 96, 124]


def test_modules_are_found_without_being_imported():
    found = subprocess.run(
        [sys.executable, "-c", "import sys; from dark_knowledge.study.signatures import *\n"
         "print(signature_of(module_file('torchvision.models'), 'resnet18'), 'torch' in sys.modules)"],
        cwd=ROOT / "workflow" / "scripts", check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "any_keyword=True" in found
    assert found.endswith("False\n")
    assert module_file("torchvision.models.nothing") is None
    assert module_file("difflib").name == "difflib.py"


def test_a_module_that_the_jobs_own_environment_has_is_not_asked_for_here(config, folder, monkeypatch):
    """With conda: Snakemake's Python has neither PyTorch nor what comes with it."""
    monkeypatch.setattr(model_section, "find_spec", {}.get)
    study(config, folder, **net("no_such_module:wide"))
