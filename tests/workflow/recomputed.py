"""What tests/data/recomputed.yaml asks for, written out by hand: the library reads the study, this does not call it."""

import yaml

from ..conftest import CHECKOUT

CONFIG = "tests/data/recomputed.yaml"
ASKED = yaml.safe_load((CHECKOUT / CONFIG).read_text())
PARTS, EPOCHS = ("train", "validation", "test"), ("last", "selected")
CLASSES = ASKED["datasets"]["subset"]["classes"]

# Model, what teaches it, temperature, hard weight, transfer set, seeds: read off the study by hand.
RUNS = {
    ("member", "labels"): (None, None, None, None, [2, 5, 8]),
    ("committee", "labels"): (None, None, None, None, [5]),
    ("large", "labels"): (None, None, None, None, [2, 8]),
    ("student", "labels"): (None, None, None, None, [2, 8]),
    ("student", "labels_on-no-dresses"): (None, None, None, "no-dresses", [2, 5, 8]),
    ("student", "labels_on-part"): (None, None, None, "part", [2, 5, 8]),
    ("student", "committee_T3_w0.3_on-no-dresses"): ("committee", 3, 0.3, "no-dresses", [2, 5, 8]),
    ("student", "committee_T1.5_w0.3_on-no-dresses"): ("committee", 1.5, 0.3, "no-dresses", [2, 5, 8]),
    ("student", "committee_T3_w0.25_on-shuffled"): ("committee", 3, 0.25, "shuffled", [2, 5, 8]),
    ("still", "labels"): (None, None, None, None, [2, 8]),
    ("still", "large_T5_w0.6"): ("large", 5, 0.6, None, [2, 8]),
    ("still", "large_T2_w0.6"): ("large", 2, 0.6, None, [2, 8]),
    ("still", "large_T2_w0.6_on-shuffled-in-class"): ("large", 2, 0.6, "shuffled-in-class", [2, 8]),
    ("still", "student_T4_w0.1_by-apart_on-part"): ("student", 4, 0.1, "part", [2, 8]),
}
ARMS = [
    # experiment, role, label, run, teacher
    ("of-committee", "teacher", "teacher", ("committee", "labels")),
    ("of-committee", "baseline", "baseline", ("student", "labels_on-no-dresses")),
    ("of-committee", "student", "student, T = 3", ("student", "committee_T3_w0.3_on-no-dresses")),
    ("of-committee", "student", "student, T = 1.5", ("student", "committee_T1.5_w0.3_on-no-dresses")),
    ("of-committee", "control", "another image", ("student", "committee_T3_w0.25_on-shuffled")),
    ("of-committee", "control", "smaller", ("student", "labels_on-part")),
    ("of-large", "teacher", "teacher", ("large", "labels")),
    ("of-large", "baseline", "baseline", ("still", "labels")),
    ("of-large", "student", "student, T = 5", ("still", "large_T5_w0.6")),
    ("of-large", "student", "student, T = 2", ("still", "large_T2_w0.6")),
    ("of-large", "control", "same class", ("still", "large_T2_w0.6_on-shuffled-in-class")),
    ("of-large", "control", "student as teacher", ("still", "student_T4_w0.1_by-apart_on-part")),
]
# Of the runs whose loss is not Hinton's.
LOSSES = {("still", "student_T4_w0.1_by-apart_on-part"): {"function": "decoupled", "alpha": 2, "beta": 3}}
TRANSFER_SETS = {
    "no-dresses": {"omit_classes": [3]},
    "part": {"images": 230},
    "shuffled": {"shuffle": "all"},
    "shuffled-in-class": {"shuffle": "within-class"},
    None: {},
}


def network_of(model: str) -> dict:
    settings = {key: value for key, value in ASKED["models"][model].items() if key != "recipe"}
    if model == "committee":
        settings |= {"members": network_of("member"), "count": 3}
    return settings


# What the recipes of those that a teacher teaches show of the images: the name of that, and the settings.
VIEWS = {
    "shifted": (
        "epochs4-shift1",
        {"epochs": 4, "flip": False, "shift": 1, "padding": "background", "erase": 0, "mixup": 0},
    ),
    "still": ("epochs1", {"epochs": 1, "flip": False, "shift": 0, "padding": "background", "erase": 0, "mixup": 0}),
}


def views_of(model: str) -> tuple[str, dict]:
    return VIEWS[ASKED["models"][model]["recipe"]]


def logits_stem(run: tuple[str, str], seed: int) -> str:
    """The files of the logits that taught a run: of a drawn part those of its images alone."""
    teacher, _, _, transfer, _ = RUNS[run]
    return f"teacher_logits/{teacher}/{views_of(run[0])[0]}{'_on-part' if transfer == 'part' else ''}/seed{seed}"


def recipe_of(model: str) -> dict:
    return ASKED["recipes"][ASKED["models"]["member" if model == "committee" else model]["recipe"]]
