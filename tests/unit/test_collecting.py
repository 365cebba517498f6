"""What is gathered from logits: calibration, errors per class, likeness to the teacher; and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from dark_knowledge.analysis import collecting
from dark_knowledge.command import InputError
from dark_knowledge.integrity import tensors_sum
from dark_knowledge.study.arms import ALL_SEEDS, Arm, arms_of

LOGITS = np.log(np.array([[0.8, 0.1, 0.1], [0.5, 0.4, 0.1], [0.2, 0.2, 0.6]]))
STUDY = {"experiments": {"x": {"teacher": "big", "student": "small", "temperatures": [4], "hard_weight": 0.1}}}
PARTS = ("train", "validation", "test")
TEACHER, BASELINE, STUDENT = Arm("big"), Arm("small"), Arm("small", "big", 4, 0.1)


def test_errors_are_counted_for_every_class():
    rows = collecting.class_error_rows(LOGITS, np.array([0, 1, 1], np.uint8))
    assert list(rows.images) == [1, 2, 0]
    assert list(rows.errors) == [0, 2, 0]


def test_predictions_of_all_arms_have_their_keys_as_categories():
    types = collecting.prediction_types([TEACHER, STUDENT])
    predictions = pd.DataFrame({"image": [0, 1]})
    keys = [{"model": arm.model, "supervision": arm.supervision, "epoch": "last"} for arm in (TEACHER, STUDENT)]
    table = pd.concat([collecting.keyed(own, predictions).astype(types) for own in keys], ignore_index=True)
    assert (table[["model", "supervision", "epoch"]].dtypes == "category").all()
    assert table.supervision.tolist() == ["labels"] * 2 + ["big_T4_w0.1"] * 2


def save_logits(path, test):
    """Logits [seeds, images, classes] of every part and epoch; the arm learned from the first two images."""
    tensors = {f"{epoch}/{part}": np.asarray(test, np.float32) for epoch in ("last", "selected") for part in PARTS}
    tensors |= {"transfer_set": np.array([True, True, False])}
    save_file(tensors, path, {"record": json.dumps({"sum": tensors_sum(tensors)})})
    return path


def test_logits_that_were_edited_are_refused(tmp_path):
    path = save_logits(tmp_path / "logits.safetensors", [LOGITS])
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([1 - content[-1]]))
    with pytest.raises(InputError, match=r"an input is damaged: .*logits.safetensors, .*delete it and run"):
        collecting.load_logits(path, [0])


def test_a_missing_seed_is_refused(tmp_path):
    path = save_logits(tmp_path / "logits.safetensors", [LOGITS] * 2)
    _, logits = collecting.load_logits(path, [0, 1])
    assert len(logits["last/test"]) == 2
    with pytest.raises(InputError, match="holds 2 runs for 3 seeds"):
        collecting.load_logits(path, [0, 1, 2])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_diverged_seed_is_refused_by_name(tmp_path, bad):
    diverged = LOGITS.copy()
    diverged[1, 2] = bad
    path = save_logits(tmp_path / "logits.safetensors", [LOGITS, diverged])
    with pytest.raises(InputError, match=r"last/\w+ of seed 7 has logits that are not finite.*learning_rate"):
        collecting.load_logits(path, [3, 7])


def test_training_accuracy_is_of_the_images_that_an_arm_learned_from(tmp_path):
    chosen, logits = collecting.load_logits(save_logits(tmp_path / "logits.safetensors", [LOGITS]), [0])
    assert chosen.tolist() == [True, True, False]
    assert {name: tensor.shape[1] for name, tensor in logits.items()} == {
        f"{epoch}/{part}": 2 if part == "train" else 3 for epoch in ("last", "selected") for part in PARTS
    }


def test_a_seed_without_a_teacher_is_left_out():
    rows = collecting.fidelity_rows(
        STUDY, {TEACHER: {0: LOGITS}, BASELINE: {0: LOGITS, 1: LOGITS}, STUDENT: {0: LOGITS}}
    )
    assert rows[rows.arm == "baseline"].seed.tolist() == [0]
    assert rows[rows.arm == "baseline"].agreement.tolist() == [1]


def test_a_teacher_that_is_the_baseline_has_rows_of_its_own():
    study = {"experiments": {"x": STUDY["experiments"]["x"] | {"teacher": "small"}}}
    student, other = Arm("small", "small", 4, 0.1), LOGITS[::-1]
    rows = collecting.fidelity_rows(study, {BASELINE: {0: LOGITS, 1: other}, student: {0: LOGITS, 1: other}})
    assert rows.groupby("arm").agreement.agg(list).to_dict() == {
        "teacher": [pytest.approx(1 / 3)] * 2,
        "baseline": [1, 1],
        "student, T = 4": [1, 1],
    }


def test_likeness_is_to_the_teacher_of_the_same_seed():
    other = LOGITS[::-1]
    rows = collecting.fidelity_rows(
        STUDY, {TEACHER: {0: LOGITS, 1: other}, BASELINE: {0: other, 1: other}, STUDENT: {0: LOGITS, 1: LOGITS}}
    ).set_index(["model", "supervision", "seed"])
    assert rows.agreement["small", "big_T4_w0.1", 0] == 1
    assert rows.kl["small", "big_T4_w0.1", 0] == pytest.approx(0)
    assert rows.agreement["small", "big_T4_w0.1", 1] == pytest.approx(1 / 3)
    assert rows.kl["small", "labels", 0] > 0
    # The teacher's two seeds, with one another.
    assert rows.agreement["big", "labels", 0] == rows.agreement["big", "labels", 1] == pytest.approx(1 / 3)


def test_a_teacher_of_one_seed_has_no_other_to_agree_with():
    rows = collecting.fidelity_rows(STUDY, {arm: {5: LOGITS} for arm in (TEACHER, BASELINE, STUDENT)})
    assert rows.agreement.isna().tolist() == [True, False, False]
    assert rows.agreement[1:].eq(1).all()


MLP = {"architecture": "mlp"}


def study_of(teacher: str) -> dict:
    return {
        "seeds": [0, 1],
        "models": {"big": MLP, "small": MLP, "several": {"architecture": "ensemble", "members": "big"}},
        "experiments": {"x": {"teacher": teacher, "student": "small", "temperatures": [4], "hard_weight": 0.1}},
    }


@pytest.mark.parametrize(("teacher", "agreement"), [("big", [1, 1]), ("several", [1, 0])])
def test_a_student_is_compared_with_the_teacher_that_taught_it(teacher, agreement):
    # Logits of a run: all images go to the class of its seed; an ensemble is filed under the first.
    logits = {
        arm: {seed: np.full((3, 2), [[5.0, 0.0]]) if seed == 0 else np.full((3, 2), [[0.0, 5.0]]) for seed in seeds}
        for arm, seeds in arms_of(study_of(teacher)).items()
    }
    if teacher == "several":
        logits[Arm("several")] = {ALL_SEEDS: logits[Arm("several")][0]}
    rows = collecting.fidelity_rows(study_of(teacher), logits)
    students = rows[rows.supervision == f"{teacher}_T4_w0.1"]
    assert students.agreement.tolist() == agreement
    of_teacher = rows[rows.model == teacher].agreement
    assert of_teacher.tolist() == [0, 0] if teacher == "big" else of_teacher.isna().all()
