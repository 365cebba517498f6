"""The configuration: what is refused, in which words, and the arms that it unfolds into."""

import copy
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dark_knowledge.command import InputError
from dark_knowledge.study.arms import Arm, Role, arms_of, asked_of, experiments_of, published_of, recipe_of, roles_of
from dark_knowledge.study.checking import canonical, check_config, check_file, check_owner
from dark_knowledge.study.paths import TEACHER, WILDCARDS, format_number, loss_of, transfer_set_of
from dark_knowledge.study.signatures import SOFT_LOSSES
from dark_knowledge.study.spelling import command_line, well_read

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
DROP = object()
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))


def merged(base: dict, override: dict) -> dict:
    """As Snakemake merges --configfile: mappings key by key, all else replaced."""
    both = {key for key in base if isinstance(base[key], dict) and isinstance(override.get(key), dict)}
    return base | override | {key: merged(base[key], override[key]) for key in both}


def changed(config: dict, path: str, value) -> dict:
    """The config with the key at `path` set, or dropped."""
    config = copy.deepcopy(config)
    *parents, last = path.split("/")
    place = config
    for key in parents:
        place = place[key]
    if value is DROP:
        del place[last]
    else:
        place[last] = value
    return config


def message_of(config: dict) -> str:
    with pytest.raises(InputError) as error:
        check_config(config, SCHEMA)
    message = str(error.value)
    assert message.startswith("config: ")
    assert "\n" not in message
    return message


def test_the_default_study_passes(config):
    check_config(config, SCHEMA)


def test_an_ensemble_has_its_members_recipe(config):
    config["models"]["several"] = {"architecture": "ensemble", "members": "student", "mean": "arithmetic"}
    assert [recipe_of(config, model) for model in ("student", "resnet", "several")] == ["student", "teacher", "student"]


@pytest.mark.parametrize("study", sorted((ROOT / "workflow" / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_study_passes_over_the_default_one(config, study):
    override = yaml.safe_load(study.read_text(encoding="utf-8"))
    check_config(merged(config, override), SCHEMA, [study.parent])
    assert merged(config, override)["study"] == study.stem


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("seeds", [4294967295]),
        ("experiments/resnet", None),
        ("models/spare", None),
        ("experiments/custom/temperatures", [0.01, 1000]),
        ("experiments/custom/hard_weight", 1),
        ("experiments/custom/teacher", "student"),  # self-distillation
        ("recipes/student/warmup", 0),
        ("split/train_limit", 6000),
        ("datasets/fashion-mnist/sha256/train_images", None),
        ("datasets/fashion-mnist/folder", "/some/folder"),
        ("experiments/resnet/published", None),
        ("experiments/resnet/published/fashion-mnist/improved_class", 9),
        ("claims/validation_accuracies", []),
    ],
)
def test_what_is_allowed_passes(config, path, value):
    check_config(changed(config, path, value), SCHEMA)


TYPOS = [
    ("seed", [0], "did you mean 'seeds'?"),
    ("split/valdiation", 5000, "did you mean 'validation'?"),
    ("recipes/teacher/epoch", 3, "did you mean 'epochs'?"),
    ("models/student/channel", [3], "did you mean 'channels'?"),
    ("models/resnet/stage", [[3, 1]], "did you mean 'stages'?"),
    ("experiments/custom/temperature", 4, "did you mean 'temperatures'?"),
    ("experiments/resnet/published/fashion-mnist/basline", {}, "did you mean 'baseline'?"),
    ("experiments/resnet/published/fashion-mnist/improved", 6, "did you mean 'improved_class'?"),
    ("claims/levels", 0.05, "did you mean 'level'?"),
    ("experiments/resnet/published/fashion-mnist/teacher/parameter", 1, "did you mean 'parameters'?"),
    ("datasets/mnist/mirror", [], "did you mean 'mirrors'?"),
    ("datasets/mnist/sha256/train_image", None, "did you mean 'train_images'?"),
    ("workers", 4, "allowed: accelerator, claims, dataset, datasets,"),
    ("models/resnet/channels", [3], "allowed: architecture, recipe, stages, stem"),
]


@pytest.mark.parametrize(("path", "value", "words"), TYPOS, ids=[path for path, *_ in TYPOS])
def test_an_unknown_key_is_named_with_what_is_allowed(config, path, value, words):
    message = message_of(changed(config, path, value))
    assert message.startswith(f"config: unknown key {path.replace('/', '.')!r}; ")
    assert words in message


MISSING = [
    "seeds",
    "split/seed",
    "recipes/student/shift",
    "models/resnet/recipe",
    "models/student/pool",
    "claims/alike",
    "experiments/resnet/published/fashion-mnist/teacher/parameters",
]
MISSING += ["models/student/architecture", "experiments/custom/student", "datasets/mnist/sha256/test_labels"]


@pytest.mark.parametrize("path", MISSING)
def test_a_missing_key_is_named(config, path):
    assert f"key {path.replace('/', '.')!r} is missing" in message_of(changed(config, path, DROP))


REFUSED = [
    # types
    ("study", 3, "a name of"),
    ("seeds", 3, "a list of"),
    ("seeds", None, "a list of"),
    ("seeds", [0, "1"], "a whole number from 0 to 4294967295"),
    ("seeds", [True], "a whole number"),
    ("seeds", [0.5], "a whole number"),
    ("seeds", [1.0], "a whole number"),
    ("split", 5000, "the keys validation and seed"),
    ("split/validation", "5000", "a whole number"),
    ("split/validation", True, "a whole number"),
    ("score_test_each_epoch", "yes", "true, false, or a list of models"),
    ("score_test_each_epoch", 1, "true, false, or a list of models"),
    ("score_test_each_epoch", ["student", "student"], "each once"),
    ("score_test_each_epoch", ["studnt"], "'studnt', which is not defined"),
    ("recipes", [], "recipes by name"),
    ("recipes/student", None, "the settings of a recipe"),
    ("recipes/student/epochs", True, "a whole number"),
    ("recipes/student/epochs", "1e1", "a whole number"),
    ("recipes/student/epochs", 10.0, "a whole number"),
    ("recipes/student/batch_size", 128.0, "a whole number"),
    ("recipes/student/learning_rate", False, "a number above 0"),
    ("recipes/student/flip", "true", "true or false"),
    ("models/student/channels", 32, "a list of"),
    ("models/student/pool", [1, 0, 1, 0], "true or false"),
    ("models/resnet/stages", [32, 64], "a pair [channels, blocks]"),
    ("models/resnet/stages", [[32, 1, 1]], "a pair [channels, blocks]"),
    ("models/student", "student", "an architecture"),
    ("experiments/custom/temperatures", 4, "a list of"),
    ("experiments/custom/temperatures", ["4"], "a number above 0"),
    # ranges
    ("seeds", [], "at least one"),
    ("seeds", [-1], "from 0 to 4294967295"),
    ("seeds", [2**32], "from 0 to 4294967295"),
    ("seeds", [10**400], "from 0 to 4294967295"),
    ("split/validation", 0, "from 1 to 10000000"),
    ("split/train_limit", 10**30, "from 1 to 10000000"),
    ("recipes/student/epochs", 0, "from 1 to 100000"),
    ("recipes/student/epochs", 10**9, "from 1 to 100000"),
    ("recipes/student/batch_size", 1, "from 2 to 100000"),
    ("recipes/student/learning_rate", 0, "a number above 0"),
    ("recipes/student/learning_rate", 1e300, "at most 100"),
    ("recipes/student/learning_rate", math.inf, "at most 100"),
    ("recipes/student/learning_rate", math.nan, "a number above 0"),
    ("recipes/student/momentum", 1, "below 1"),
    ("recipes/student/optimiser", "adam", "sgd or adamw"),
    ("recipes/student/weight_decay", -0.1, "from 0 to 1"),
    ("recipes/student/label_smoothing", 1, "below 1"),
    ("recipes/student/warmup", 1.1, "from 0 to 1"),
    ("recipes/student/shift", 17, "from 0 to 16"),
    ("recipes/student/padding", "zero", "background or reflect"),
    ("recipes/student/erase", 1.5, "a number from 0 to 1"),
    ("recipes/student/mixup", -0.1, "a number from 0 to 100"),
    ("recipes/student/mixup", 101, "a number from 0 to 100"),
    ("recipes/student/mixup", True, "a number from 0 to 100"),
    ("recipes/student/mixup", math.nan, "a number from 0 to 100"),
    ("models/student/channels", [0, 1, 1, 1], "from 1 to 4096"),
    ("models/student/channels", [10**6, 1, 1, 1], "from 1 to 4096"),
    ("models/resnet/stages", [], "a list of 1 to 10"),
    ("experiments/custom/temperatures", [0], "a number above 0"),
    ("experiments/custom/temperatures", [4, -1], "a number above 0"),
    ("experiments/custom/temperatures", [math.nan], "a number above 0"),
    ("experiments/custom/temperatures", [math.inf], "at most 1000"),
    ("experiments/custom/temperatures", [], "at least one"),
    ("experiments/custom/hard_weight", 1.5, "from 0 to 1"),
    ("datasets/mnist/classes", ["one"], "2 to 256"),
    ("experiments/resnet/published/fashion-mnist/improved_class", 10, "0 to 9, the labels of fashion-mnist"),
    ("experiments/resnet/published", {"fashion": {}}, "'fashion', which is not defined"),
    ("experiments/resnet/published/fashion-mnist/improved_class", -1, "the label of a class"),
    ("claims/level", 0, "above 0 and below 1"),
    ("claims/level", 1, "above 0 and below 1"),
    ("claims/alike", 1.5, "above 0 and below 1"),
    ("claims/fewest_seeds", 1, "from 2 to 10000"),
    ("claims/last_epochs", 2, "from 3 to 100000"),
    ("claims/validation_accuracies", [0], "above 0 and at most 100"),
    ("claims/validation_accuracies", 90, "a list of percentages"),
    # doubles
    ("seeds", [0, 1, 0], "each once"),
    ("experiments/custom/temperatures", [4, 4], "each once"),
    ("experiments/custom/temperatures", [4, 4.0], "each once"),
    ("claims/validation_accuracies", [90, 90], "each once"),
    ("datasets/mnist/classes", ["a", "a"], "each once"),
    # words
    ("accelerator", "gpu", "auto, cuda, mps or cpu"),
    ("precision", "float16", "auto, bfloat16 or float32"),
    (
        "models/student/architecture",
        "plane",
        "mlp, plain, resnet or wide-resnet; or file.py:function or module:function",
    ),
    ("study", "../x", "lower-case letters"),
    ("pathvars", {"results": "~/x"}, "written out (~ is not replaced)"),
    ("pathvars", {"results": "x/"}, "without braces and without a slash at its end"),
    ("pathvars", {"results": "x{y}"}, "without braces"),
    ("study", "a b", "lower-case letters"),
    ("study", "", "lower-case letters"),
    ("study", "-rf", "lower-case letters"),
    ("study", "x" * 41, "at most 40"),
    ("study", "a\n", "lower-case letters"),
    ("study", "$(id)", "lower-case letters"),
    ("datasets/mnist/sha256/train_images", "abc", "64 lower-case hexadecimal digits"),
    ("datasets/mnist/mirrors", ["ftp://host"], "http"),
    ("datasets/mnist/mirrors", "http://host", "a list of addresses"),
    ("datasets/mnist/debian_package", "-o evil; rm", "Debian package"),
]


@pytest.mark.parametrize(
    ("path", "value", "words"), REFUSED, ids=[f"{path}={str(value)[:20]!r}" for path, value, _ in REFUSED]
)
def test_a_value_that_is_not_allowed_is_named_with_what_is(config, path, value, words):
    message = message_of(changed(config, path, value))
    assert path.replace("/", ".") in message
    assert words in message


@pytest.mark.parametrize("name", ["../x", "a b", "A", "x" * 41, "a_T4", "", 1, "a\n"])
@pytest.mark.parametrize("group", ["models", "recipes", "experiments", "datasets"])
def test_an_unsafe_name_is_refused(config, group, name):
    config[group][name] = next(iter(config[group].values()))
    message = message_of(config)
    assert message.startswith(f"config: {group} ")
    assert repr(name) in message
    assert "lower-case letters" in message


UNDEFINED = [
    ("dataset", "cifar", ["fashion-mnist", "mnist"]),
    ("models/student/recipe", "pupil", ["student", "teacher"]),
    ("experiments/custom/teacher", "plain", ["plain-teacher", "resnet", "student"]),
    ("experiments/resnet/student", "pupil", ["plain-teacher", "resnet", "student"]),
]


@pytest.mark.parametrize(("path", "value", "defined"), UNDEFINED, ids=[path for path, *_ in UNDEFINED])
def test_a_name_that_is_not_defined_is_named_with_those_that_are(config, path, value, defined):
    message = message_of(changed(config, path, value))
    assert path.replace("/", ".") in message
    assert repr(value) in message
    assert ", ".join(defined) in message


def test_a_model_left_out_is_not_defined(config):
    assert "experiments.resnet.teacher is 'resnet', which is not defined" in message_of(
        changed(config, "models/resnet", None)
    )


def test_a_pool_for_each_of_channels(config):
    message = message_of(changed(config, "models/student/pool", [True]))
    assert "models.student.pool has 1 entries" in message


CONTRADICTIONS = [
    ({"train_limit": 500, "validation": 500}, "split.validation is 500; allowed: less than split.train_limit, 500"),
    ({"train_limit": 100}, "split.validation is 5000; allowed: less than split.train_limit, 100"),
    (
        {"train_limit": 5100},
        "recipes.teacher.batch_size is 128, but plain-teacher learns from the 100 images that split leaves",
    ),
]


@pytest.mark.parametrize(
    ("part", "batch", "named"),
    [
        ({"images": 64}, 65, 64),
        ({"images": 64}, 64, None),
        ({"share": 0.1}, 81, 80),  # of 6,000 less 5,200 held out
        ({"share": 0.1}, 80, None),
        ({"omit_classes": [1]}, 800, None),  # known once the images are read
    ],
)
def test_a_batch_larger_than_the_drawn_part_that_a_student_learns_from(config, part, batch, named):
    config["split"] |= {"train_limit": 6000, "validation": 5200}
    config["transfer_sets"]["few"] = part
    config["recipes"]["student"]["batch_size"] = batch
    config["experiments"] = {"resnet": config["experiments"]["resnet"] | {"transfer_set": "few", "controls": {}}}
    if named is None:
        check_config(config, SCHEMA)
    else:
        words = f"recipes.student.batch_size is {batch}, but student learns from the {named} images of transfer set few"
        assert words in message_of(config)


def test_a_recipe_that_no_run_follows_may_have_any_batch(config):
    config["split"] |= {"train_limit": 5100}
    config["recipes"]["small"] = config["recipes"]["student"] | {"batch_size": 100}
    for model in ("plain-teacher", "student"):
        config["models"][model]["recipe"] = "small"
    config["experiments"]["resnet"] = None
    check_config(config, SCHEMA)


@pytest.mark.parametrize(("split", "words"), CONTRADICTIONS)
def test_a_part_too_small_for_what_is_asked_of_it(config, split, words):
    config["split"] |= split
    assert words in message_of(config)


def test_a_study_without_experiments_is_refused(config):
    config["experiments"] = dict.fromkeys(config["experiments"])
    assert "experiments" in message_of(config)


def test_a_misspelt_architecture_is_what_is_named(config):
    message = message_of(changed(config, "models/resnet/architecture", "resnt"))
    assert "models.resnet.architecture is 'resnt'" in message


def test_a_message_stays_readable_whatever_the_value(config):
    assert len(message_of(changed(config, "experiments", [config["experiments"]] * 20))) < 400


REPEATED = {
    "study: a\nstudy: b\n": (2, "study"),
    "recipes:\n  teacher:\n    epochs: 1\n    shift: 0\n    epochs: 2\n": (5, "epochs"),
    "models: {a: 1, b: 2, a: 3}\n": (1, "a"),
    "seeds:\n  - {x: 1}\n  - {x: 1,\n     x: 2}\n": (4, "x"),
    "a: &a {k: 1}\nb: {<<: *a, c: 1, c: 2}\n": (2, "c"),
}


@pytest.mark.parametrize(("text", "found"), REPEATED.items())
def test_a_key_that_stands_twice_is_refused(tmp_path, text, found):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        check_file(path)
    assert str(error.value) == f"config: {path}, line {found[0]}: key {found[1]!r} stands there twice; keep one of them"


def test_a_results_folder_of_another_study_is_refused(tmp_path):
    check_owner(tmp_path, "mine")
    for kept in ("config.json", "settings.json"):  # the latter from the first job on
        (tmp_path / kept).write_text(json.dumps({"study": "yours"}))
        check_owner(tmp_path, "yours")
        with pytest.raises(InputError, match=r"study is 'mine', and its results folder [^ ]+ holds those of 'yours'"):
            check_owner(tmp_path, "mine")
        (tmp_path / kept).write_text("")  # as a power failure leaves it
        check_owner(tmp_path, "mine")


def test_a_key_that_stands_twice_in_json_is_refused(tmp_path):
    path = tmp_path / "study.json"
    path.write_text('{"a": {"study": "a",\n "study": "a"}}')
    with pytest.raises(InputError, match=r"study\.json: key 'study' stands there twice; keep one of them"):
        check_file(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        json.dumps({"classes": ["👕", "\x85"]}),
        "a: &a [*a]\n",
        "a: {x: 1}\nb: {x: 1}\n",
        "1: a\n'1': b\n",
        "a: &a {k: 1}\nb: *a\n",
    ],
)
def test_a_key_that_stands_once_passes(tmp_path, text):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    check_file(path)


def test_the_studies_have_each_key_once():
    for path in (ROOT / "config.yaml", *(ROOT / "workflow" / "studies").glob("*.yaml")):
        check_file(path)


KEYS = st.one_of(st.text(max_size=5), st.integers(), st.booleans(), st.none(), st.floats(), st.dates())
SCALARS = st.one_of(
    KEYS, st.binary(max_size=4), st.just(10**4000), st.sampled_from(["student", "teacher", 1e308, -0.0])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)


def refusal_of(config: dict) -> str | None:
    """In which words a configuration is refused, if it is."""
    try:
        check_config(config, SCHEMA)
    except InputError as error:
        return str(error)
    return None


def places_of(value: object) -> list[tuple]:
    """Every mapping or list inside `value`, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places_of(value[key])]


@settings(max_examples=100, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_whatever_is_changed_nothing_but_an_input_error_is_raised(data):
    config = copy.deepcopy(DEFAULT)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        parent, key = data.draw(st.sampled_from(places_of(config)), "place")
        action = data.draw(st.sampled_from(["replace", "drop", "add"]))
        if action == "drop":
            del parent[key]
        elif action == "replace":
            parent[key] = data.draw(VALUES, "value")
        elif isinstance(parent, dict):
            parent[data.draw(KEYS, "key")] = data.draw(VALUES, "value")
        else:
            parent.append(data.draw(VALUES, "value"))
    refusal = refusal_of(config)
    assert arms_of(config) if refusal is None else refusal.startswith("config: ") and "\n" not in refusal


def study(**experiments: dict) -> dict:
    models = {name: {"architecture": "plain"} for name in ("big", "huge", "small", "small-smoothed")}
    models["several"] = {"architecture": "ensemble", "members": "big", "mean": "geometric"}
    return {"experiments": experiments, "seeds": [0, 1], "models": models}


def experiment(teacher: str, student: str, temperatures: list, hard_weight: float = 0.1) -> dict:
    return {"teacher": teacher, "student": student, "temperatures": temperatures, "hard_weight": hard_weight}


def test_arms_shared_by_experiments_appear_once():
    config = study(
        a=experiment("big", "small", [4, 2]),
        b=experiment("big", "small", [4.0, 8]),
        c=experiment("small", "small", [4]),
    )
    assert list(arms_of(config)) == [
        Arm("big"),
        Arm("small"),
        Arm("small", "big", 4, 0.1),
        Arm("small", "big", 2, 0.1),
        Arm("small", "big", 8, 0.1),
        Arm("small", "small", 4, 0.1),
    ]


def test_an_arm_has_the_seeds_of_all_its_experiments():
    config = study(a=experiment("big", "small", [4]), b=experiment("big", "small", [8]) | {"seeds": [1, 2, 3]})
    assert arms_of(config) == {
        Arm("big"): [0, 1, 2, 3],
        Arm("small"): [0, 1, 2, 3],
        Arm("small", "big", 4, 0.1): [0, 1],
        Arm("small", "big", 8, 0.1): [1, 2, 3],
    }


def test_an_ensemble_is_one_run():
    arms = arms_of(study(a=experiment("several", "small", [4])))
    assert arms == {
        Arm("several"): [0],
        Arm("big"): [0, 1],  # trained for the ensemble alone, and a run like any other
        Arm("small"): [0, 1],
        Arm("small", "several", 4, 0.1): [0, 1],
    }


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"members": "nobody"}, "models.several.members is 'nobody'"),
        ({"members": "several"}, "models.several.members is 'several'"),
        ({"mean": "median"}, "models.several.mean is 'median'"),
        ({"temperature": 0}, "models.several.temperature is 0"),
    ],
)
def test_a_wrong_ensemble_is_named(config, changes, named):
    config["models"]["several"] = {"architecture": "ensemble", "members": "resnet", "mean": "arithmetic"} | changes
    assert named in message_of(config)


def test_an_ensemble_teaches_and_does_not_learn(config):
    config["models"]["several"] = {"architecture": "ensemble", "members": "resnet", "mean": "arithmetic"}
    config["experiments"]["resnet"]["teacher"] = "several"
    check_config(config, SCHEMA)
    assert "resnet.student is 'several'" in message_of(changed(config, "experiments/resnet/student", "several"))


def test_controls_follow_the_students():
    controls = {
        "smoothed-labels": {"model": "small-smoothed"},
        "left-out": None,
        "self-distillation": {"teacher": "small", "temperature": 2, "hard_weight": 0.5},
        "shuffled": {"teacher": "big", "temperature": 4, "transfer_set": "mixed"},
    }
    roles = roles_of(study(a=experiment("big", "small", [4]) | {"controls": controls}))
    assert [(role.role, role.label, role.arm) for role in roles[2:]] == [
        ("student", "student, T = 4", Arm("small", "big", 4, 0.1)),
        ("control", "smoothed labels", Arm("small-smoothed")),
        ("control", "self distillation", Arm("small", "small", 2, 0.5)),
        ("control", "shuffled", Arm("small", "big", 4, 0.1, "mixed")),
    ]


def test_a_transfer_set_is_what_baseline_and_students_learn_from():
    controls = {"smoothed": {"model": "small-smoothed"}, "other": {"transfer_set": "other"}}
    roles = roles_of(study(a=experiment("big", "small", [4]) | {"transfer_set": "part", "controls": controls}))
    assert [role.arm.transfer_set for role in roles] == [None, "part", "part", "part", "other"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"transfer_set": "nowhere"}, "experiments.resnet.transfer_set is 'nowhere'"),
        ({"transfer_set": "shuffled"}, "experiments.resnet.transfer_set shuffles"),
        ({"seeds": []}, "experiments.resnet.seeds is []"),
        ({"controls": {"a": {"teacher": "resnet"}}}, "experiments.resnet.controls.a.temperature' is missing"),
        ({"controls": {"a": {"teacher": "nobody", "temperature": 1}}}, "controls.a.teacher is 'nobody'"),
        ({"controls": {"a": {"model": "nobody"}}}, "controls.a.model is 'nobody'"),
        (
            {"controls": {"a": {"model": "student", "temperature": 1}}},
            "controls.a.temperature is set without a teacher",
        ),
        ({"controls": {"a": {"transfer_set": "shuffled"}}}, "controls.a shuffles soft targets but has no teacher"),
        ({"controls": {"a": {}}}, "experiments.resnet.controls.a is {}"),
        ({"controls": {"a b": {"model": "student"}}}, "experiments.resnet.controls has an entry named 'a b'"),
        ({"controls": {"a": {"student": "resnet"}}}, "unknown key 'experiments.resnet.controls.a.student'"),
    ],
)
def test_a_wrong_part_of_an_experiment_is_named(config, changes, named):
    config["experiments"]["resnet"] |= changes
    assert named in message_of(config)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "transfer_sets.mine is {}"),
        ({"images": 0}, "transfer_sets.mine.images is 0"),
        ({"images": 10, "shuffle": "all"}, "transfer_sets.mine is"),
        ({"shuffle": "some"}, "transfer_sets.mine.shuffle is 'some'"),
        ({"only_classes": [10]}, "transfer_sets.mine.only_classes is [10]; allowed: labels from 0 to 9"),
        ({"omit_classes": list(range(10))}, "transfer_sets.mine.omit_classes leaves no class"),
        ({"omit": [3]}, "unknown key 'transfer_sets.mine.omit'"),
    ],
)
def test_a_wrong_transfer_set_is_named(config, settings, named):
    config["transfer_sets"]["mine"] = settings
    assert named in message_of(config)


def test_published_figures_may_be_left_out():
    settings = experiment("big", "small", [4])
    figures, unset = {"mine": {"improved_class": 1}}, {"mine": None}
    published = {"b": None, "c": figures, "d": unset}
    config = study(a=settings, **{name: settings | {"published": given} for name, given in published.items()}, e=None)
    assert published_of(config | {"dataset": "mine"}) == {"a": {}, "b": {}, "c": {"improved_class": 1}, "d": {}}


def test_figures_published_for_another_data_set_do_not_stand_beside_this_one(config):
    assert published_of(config)["resnet"]["improved_class"] == 6
    assert published_of(config | {"dataset": "mnist"}) == {"custom": {}, "resnet": {}}


def test_figures_that_are_given_for_ones_own_images_take_none_of_the_inherited_ones(config):
    own = {"mnist": {"student": {"parameters": 5, "train_accuracy": 70, "test_accuracy": 60}}}
    given = merged(config, {"dataset": "mnist", "experiments": {"resnet": {"published": own}}})
    check_config(given, SCHEMA)
    assert published_of(given)["resnet"] == own["mnist"]


def test_arms_have_paths_of_their_own():
    weights = [0.1, 0.1234567, 0.1234568]
    config = study(**{f"e{number}": experiment("big", "small", [4], weight) for number, weight in enumerate(weights)})
    arms = arms_of(config)
    assert len(arms) == 5
    assert len({(arm.model, arm.supervision) for arm in arms}) == 5


def test_roles_are_in_the_configs_order():
    config = study(z=experiment("big", "small", [4, 1]), left_out=None, a=experiment("huge", "small", [2]))
    roles = [(role.experiment, role.role, role.arm.model, role.arm.temperature) for role in roles_of(config)]
    assert roles == [
        ("z", "teacher", "big", None),
        ("z", "baseline", "small", None),
        ("z", "student", "small", 4),
        ("z", "student", "small", 1),
        ("a", "teacher", "huge", None),
        ("a", "baseline", "small", None),
        ("a", "student", "small", 2),
    ]
    assert list(experiments_of(config)) == ["z", "a"]


@pytest.mark.parametrize(
    ("arm", "name"),
    [
        (Arm("student"), "labels"),
        (Arm("student", "resnet", 4, 0.1), "resnet_T4_w0.1"),
        (Arm("student", "plain-teacher", 2.5, 0), "plain-teacher_T2.5_w0"),
        (Arm("student", transfer_set="no-3s"), "labels_on-no-3s"),
        (Arm("student", "resnet", 4, 0.1, "no-3s"), "resnet_T4_w0.1_on-no-3s"),
        (Arm("student", "resnet", 4, 0.1, loss="dist"), "resnet_T4_w0.1_by-dist"),
        (Arm("student", "resnet", 4, 0.1, "no-3s", "dist"), "resnet_T4_w0.1_by-dist_on-no-3s"),
    ],
)
def test_an_arm_is_named_by_what_it_learned_from(arm, name):
    assert arm.supervision == name


@pytest.mark.parametrize(
    "name", ["resnet_T4_w0.1", "a_T4_w0.1_by-dist", "a_T4_w0.1_on-by", "a_T4_w1e-07_by-on_on-by-x"]
)
def test_a_name_is_read_in_one_way(name):
    parts = {wildcard: f"(?P<{wildcard}>{form})" for wildcard, form in WILDCARDS.items()}
    found = re.fullmatch(TEACHER.format(**parts), name).groupdict()
    arm = Arm("student", found["teacher"], float(found["temperature"]), float(found["hard_weight"]))
    arm = replace(arm, transfer_set=transfer_set_of(found["on"]), loss=loss_of(found["by"]))
    assert arm.supervision == name


def test_losses_are_arms_beside_the_students():
    settings = experiment("big", "small", [4, 1]) | {
        "loss": "dkd",
        "losses": ["dist", "reverse-kl"],
        "transfer_set": "a",
    }
    settings["controls"] = {"other": {"teacher": "big", "temperature": 2}, "plain": {"model": "big"}}
    settings["controls"]["hintons"] = settings["controls"]["other"] | {"loss": None}
    roles = {role.label: role for role in roles_of(study(a=settings))}
    assert roles["student, T = 4"].arm == Arm("small", "big", 4, 0.1, "a", "dkd")
    assert roles["reverse kl, T = 1"] == Role(
        "a", "control", "reverse kl, T = 1", Arm("small", "big", 1, 0.1, "a", "reverse-kl")
    )
    assert [roles[name].arm.loss for name in ("baseline", "plain", "other", "hintons")] == [None, None, "dkd", None]
    assert len(roles) == 2 + 2 + 4 + 3


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "key 'losses.mine.function' is missing"),
        (
            {"function": "dkd"},
            "losses.mine.function is 'dkd'; allowed: decoupled, dist, hinton, reverse_kl, squared_error",
        ),
        ({"function": "_correlation"}, "losses.mine.function is '_correlation'; allowed"),
        ({"function": 3}, "losses.mine.function is 3; allowed: the name of a function"),
        ({"function": "dist", "gama": 2}, "unknown key 'losses.mine.gama'; did you mean 'gamma'?"),
        ({"function": "hinton", "weight": 2}, "unknown key 'losses.mine.weight'; allowed: function"),
        ({"function": "decoupled", "beta": "8"}, "losses.mine.beta is '8'; allowed: a number from 0 to 1000"),
        ({"function": "decoupled", "beta": -1}, "losses.mine.beta is -1; allowed: a number from 0 to 1000"),
        ("dist", "losses.mine is 'dist'; allowed: the key function"),
    ],
)
def test_a_wrong_loss_is_named(config, settings, named):
    config["losses"]["mine"] = settings
    assert named in message_of(config)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"loss": "dkd"}, "resnet.loss is 'dkd', which is not defined; defined are: decoupled, dist,"),
        ({"losses": ["dist", "dkd"]}, "resnet.losses is 'dkd', which is not defined"),
        ({"losses": "dist"}, "resnet.losses is 'dist'; allowed: a list of at least one name"),
        ({"losses": ["dist", "dist"]}, "each once"),
        ({"loss": "dist", "losses": ["dist"]}, "resnet.losses has 'dist', the experiment's own `loss`"),
        ({"controls": {"a": {"loss": "dist"}}}, "controls.a.loss is set without a teacher"),
        ({"controls": {"a": {"teacher": "resnet", "temperature": 1, "loss": "dkd"}}}, "controls.a.loss is 'dkd'"),
        ({"controls": {"a": {"teacher": "resnet", "temperature": 1, "losses": ["dist"]}}}, "did you mean 'loss'?"),
    ],
)
def test_a_loss_that_an_experiment_cannot_have_is_named(config, changes, named):
    config["experiments"]["resnet"] |= changes
    assert named in message_of(config)


@pytest.mark.parametrize(
    ("loss", "named"),
    [
        ({"function": "standardised"}, "loss mine is standardised, which learns nothing from two classes"),
        ({"function": "dist"}, "losses.mine.beta weighs what learns nothing from two classes; allowed with them: beta"),
        ({"function": "dist", "beta": 0}, None),
        ({"function": "reverse_kl"}, None),
    ],
)
def test_losses_blind_to_two_classes_are_refused(config, loss, named):
    config["losses"]["mine"] = loss
    config["experiments"] = {"resnet": config["experiments"]["resnet"] | {"published": None, "losses": ["mine"]}}
    check_config(copy.deepcopy(config), SCHEMA)
    config["datasets"]["fashion-mnist"]["classes"] = ["cat", "dog"]
    if named:
        assert named in message_of(config)
    else:
        check_config(config, SCHEMA)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"schedule": "step"}, "recipes.student.schedule is 'step'; allowed: one-cycle, constant, steps or cosine"),
        ({"schedule": "steps"}, "key 'recipes.student.milestones' is missing"),
        ({"schedule": "steps", "milestones": []}, "recipes.student.milestones is []; allowed: a list of at least one"),
        (
            {"schedule": "steps", "milestones": [5, 3]},
            "milestones is [5, 3]; allowed: ascending numbers below epochs, 10",
        ),
        (
            {"schedule": "steps", "milestones": [5, 10]},
            "milestones is [5, 10]; allowed: ascending numbers below epochs",
        ),
        ({"schedule": "steps", "milestones": [5], "decay": 1}, "recipes.student.decay is 1; allowed: a number above 0"),
        ({"schedule": "cosine", "milestones": [5]}, "recipes.student.milestones is set, which takes schedule: steps"),
        ({"decay": 0.5}, "recipes.student.decay is set, which takes schedule: steps"),
    ],
)
def test_a_wrong_schedule_is_named(config, changes, named):
    config["recipes"]["student"] |= changes
    assert named in message_of(config)


def test_one_more_loss_takes_no_other_file(config, tmp_path, monkeypatch):
    more = "\n\ndef brier(z, v, temperature, labels, *, scale: float, power: float = 2):\n    return scale\n"
    (tmp_path / "losses.py").write_text(SOFT_LOSSES.read_text() + more)
    monkeypatch.setattr("dark_knowledge.study.contradictions.SOFT_LOSSES", tmp_path / "losses.py")
    config["losses"]["mine"] = {"function": "brier", "scale": 1}
    check_config(config, SCHEMA)
    assert "key 'losses.mine.scale' is missing" in message_of(changed(config, "losses/mine", {"function": "brier"}))


@pytest.mark.parametrize(
    ("value", "text"), [(4, "4"), (4.0, "4"), (0.1, "0.1"), (1e-7, "1e-07"), (1000, "1000"), (0, "0"), (2.5, "2.5")]
)
def test_a_number_has_one_form(value, text):
    assert format_number(value) == text


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1.2345678, 1e-7, 999.9999999])
def test_the_name_of_a_number_is_the_number(value):
    assert float(format_number(value)) == value


PAPER = {
    "source": "a paper",
    "numbers": [{"what": "teacher", "experiment": "custom", "arm": "teacher", "value": 67}],
    "contrasts": [{"claim": "alike", "experiment": "resnet", "alike": [4, 8]}],
    "corrections": {"custom": {"classes": [3], "shift": 3.5}},
    "early_stopping": ["custom"],
}


@pytest.fixture
def of_paper(config) -> dict:
    """The default study with a paper's section, and a class left out where that corrects biases."""
    config["transfer_sets"]["no-threes"] = {"omit_classes": [3]}
    config["experiments"]["custom"]["transfer_set"] = "no-threes"
    return config | {"paper": copy.deepcopy(PAPER)}


def test_biases_are_corrected_where_classes_were_left_out(of_paper):
    words = "config: paper.corrections.custom corrects biases against classes left out of training; that takes exp"
    of_paper["transfer_sets"]["few"] = {"images": 300}
    of_paper["experiments"]["custom"]["transfer_set"] = "few"
    assert words in message_of(of_paper)
    del of_paper["experiments"]["custom"]["transfer_set"]
    assert words in message_of(of_paper)


def test_a_papers_numbers_pass(config, of_paper):
    check_config(of_paper, SCHEMA)
    check_config(config | {"paper": None}, SCHEMA)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("paper/numbers/0/experiment", "custon", "'custon', which is not defined"),
        ("paper/numbers/0/arm", "student", "allowed: teacher; baseline; student, T = 4"),
        ("paper/numbers/0/value", -1, "at least 0, or null"),
        ("paper/numbers/0/classes", [10], "labels from 0 to 9"),
        ("paper/numbers/0/correction", "prior", "none, fixed, oracle or label-free"),
        ("paper/numbers/0/correction", "fixed", "that takes the baseline or a student as arm"),
        ("paper/numbers/0/vlaue", 3, "did you mean 'value'?"),
        ("paper/corrections", DROP, ""),
        ("paper/corrections/custom/classes", [11], "labels from 0 to 9"),
        ("paper/corrections/custom/classes", list(range(10)), "names every class"),
        ("paper/corrections/custom/shift", "3", "a number from -1000 to 1000"),
        ("paper/contrasts/0/alike", [4, 5], "allowed: temperatures of resnet"),
        ("paper/contrasts/0/alike", [4], "at least two"),
        ("paper/contrasts/0/against", [4], "temperatures and against, or"),
        ("paper/early_stopping", ["student"], "'student', which is not defined"),
        ("paper/grid", ["custom"], "allowed: mlp"),
        ("score_test_each_epoch", False, "that takes score_test_each_epoch: [student]"),
        ("score_test_each_epoch", ["resnet"], "that takes score_test_each_epoch: [student]"),
    ],
)
def test_what_a_papers_section_gets_wrong_is_named(of_paper, path, value, words):
    *parents, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    place = of_paper
    for key in parents:
        place = place[key]
    if value is DROP:
        place.pop(last)
        of_paper["paper"]["numbers"][0]["correction"] = "fixed"
        words = "that takes paper.corrections.custom"
    else:
        place[last] = value
    assert words in message_of(of_paper)


def test_the_command_line_is_read_as_a_file_is():
    words = [
        "seeds=[0, 1]",
        "experiments={custom: null, mine: {student: small, hard_weight: 0.5}}",
        "dataset=",
        "a=b=c",
    ]
    assert command_line(words) == {
        "seeds": [0, 1],
        "experiments": {"custom": None, "mine": {"student": "small", "hard_weight": 0.5}},
        "dataset": None,
        "a": "b=c",
    }


@pytest.mark.parametrize(
    "text", ["0", "yes", "2024", "2026-01-05", "a: b", "data/d #2", " lead", "two\nlines", "{a}", "👕"]
)
def test_quoted_text_of_the_command_line_is_text(text):
    assert command_line([f"datasets={json.dumps({'mine': {'folder': text}}, ensure_ascii=False)}"]) == {
        "datasets": {"mine": {"folder": text}}
    }


@pytest.mark.parametrize("value", ["a: b: c", "@home", "'"])
def test_what_is_no_yaml_stays(value):
    assert command_line([f"study={value}"]) == {"study": value}


@pytest.mark.parametrize(
    ("path", "written", "hint"),
    [
        ("study", "2026-01-05", "study is 2026-01-05; allowed: a name of at most"),
        ("study", "2026-01-05", "; in quotes it is text"),
        ("study", "010", "; in quotes it is text"),
        ("dataset", "no", "; in quotes it is text"),
        ("models", "{2024: null}", "; in quotes it is text"),
        ("datasets/mnist/classes", "[a, 1.5]", "; in quotes it is text"),
        ("models/mine", "{architecture: 'my.py:net', recipe: student, day: 2026-01-05}", "; in quotes it is text"),
        (
            "models/mine",
            "{architecture: 'my.py:net', recipe: student, days: [2026-01-05]}",
            "mine.days.0 is 2026-01-05;",
        ),
        ("recipes/teacher/weight_decay", "1e-3", "; YAML takes it for text: write 1.0e-3"),
        ("recipes/teacher/learning_rate", "1.5E2", "; YAML takes it for text: write 1.5e+2"),
        ("seeds", "['1']", "; YAML takes it for text: write 1"),
    ],
)
def test_what_yaml_makes_of_names_and_numbers_is_told(config, path, written, hint):
    assert hint in message_of(changed(config, path, yaml.safe_load(written)))


def test_a_word_for_a_number_is_told_no_spelling(config):
    assert message_of(changed(config, "recipes/teacher/warmup", "short")).endswith("a number from 0 to 1")


def test_seeds_of_an_arm_are_sorted_whatever_order_they_come_in(config):
    first = arms_of(config | {"seeds": [2, 0, 1]})
    assert all(seeds == [0, 1, 2] for seeds in first.values())


def test_what_teaches_a_control_is_an_arm_too(config):
    control = {"teacher": "plain-teacher", "temperature": 4}
    experiments = {"resnet": config["experiments"]["resnet"] | {"controls": {"other-teacher": control}}}
    assert arms_of(config | {"experiments": experiments})[Arm("plain-teacher")] == config["seeds"]


def test_a_control_has_a_name_of_its_own(config):
    config["experiments"]["resnet"]["controls"] = {"baseline": {"model": "student"}}
    assert "has the name of another arm" in message_of(config)


def test_no_two_arms_of_an_experiment_are_called_alike(config):
    config["losses"]["student"] = config["losses"]["dist"]
    config["experiments"]["resnet"]["losses"] = ["student"]
    assert "has an arm that is called 'student, T = 1', as something else is in its tables" in message_of(config)


@pytest.mark.parametrize("name", ["experiment", "label", "class", "images", "quantity", "student-minus-baseline"])
def test_no_control_is_called_as_a_column_of_the_tables(config, name):
    config["experiments"]["resnet"]["controls"] = {name: {"model": "student"}}
    assert f"has an arm that is called {name.replace('-', ' ')!r}, as something else is" in message_of(config)


def test_no_control_is_called_as_what_was_published(config):
    config["experiments"]["resnet"]["controls"] = {"as-published": {"model": "student"}}
    assert "has an arm that is called 'as published'" in message_of(config)


def test_a_configuration_is_brought_into_one_form_that_keeps_what_readers_see_in_order():
    one = {"b": {"y": 1.0, "x": [2.0, 0.5, True]}, "experiments": {"second": {"q": 1, "p": None}, "first": None}}
    form = canonical(one)
    assert json.dumps(form) == (
        '{"b": {"x": [2, 0.5, true], "y": 1}, "experiments": {"second": {"p": null, "q": 1}, "first": null}}'
    )
    assert one["b"] == {"y": 1.0, "x": [2.0, 0.5, True]}


def test_what_the_tables_ask_beside_the_runs():
    hinton = merged(DEFAULT, yaml.safe_load((ROOT / "workflow/studies/hinton2015.yaml").read_text(encoding="utf-8")))
    asked = asked_of(hinton)
    assert asked["classes"] == [str(digit) for digit in range(10)]
    assert asked["validation_accuracies"] == hinton["claims"]["validation_accuracies"]
    two_classes = {"sevens-and-eights", "two-classes-longer", "two-classes-mostly-soft"}
    assert set(asked["paper"]["corrections"]) == {"no-threes"} | two_classes
    assert set(asked["hidden"]) == set(asked["paper"]["grid"])
    assert asked["hidden"]["width-800"] == [800, 800]
    assert asked["hidden"]["width-30"] == [30, 30]
    published = asked_of(DEFAULT)["published"]
    assert (published["custom"], published["resnet"]["improved_class"]) == ({}, 6)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"seeds": ["1", "2"]}, True),
        ({"seeds": ["1", "2"], "split": {"seed": 4, "validation": "9"}}, True),
        ({"seeds": [1, 2]}, False),  # of a file
        ({"dk": {"seeds": ["1", "2"]}}, False),
    ],
)
def test_entries_of_the_command_line_are_read_well_where_they_stand(given, read):
    words, misread = ["seeds=[1, 2]", "split={validation: 9}"], {"seeds": ["1", "2"], "split": {"validation": "9"}}
    well = {"seeds": [1, 2]} | ({"split": {"validation": 9}} if "split" in given else {})
    assert well_read(words, misread, given) == (well if read else {})
