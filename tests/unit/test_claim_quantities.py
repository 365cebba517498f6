"""Every quantity of the claims, computed again from the collected tables by other code: sides, effect, side claimed."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon

from dark_knowledge.analysis import claim_errors, claims, image_noise
from dark_knowledge.analysis.measures import gini, kappa_matrix
from dark_knowledge.analysis.results import Results
from dark_knowledge.analysis.statistics import holm

from .results import CLASSES, SETTINGS, make_results

SEEDS, LAST = 4, SETTINGS["last_epochs"]
TEACHER, BASELINE, STUDENT = ("big", "labels"), ("small", "labels"), ("small", "big_T2_w0.1")
STUDY = make_results(SEEDS, images=60)
FIGURES = {
    "teacher": {"test_accuracy": 93.0, "train_accuracy": 99.0},
    "baseline": {"test_accuracy": 90.0, "train_accuracy": 95.0},
    "student": {"test_accuracy": 92.2, "train_accuracy": 95.9},
}


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return claims.claims_table(Results(STUDY), CLASSES, {"x": FIGURES}, SETTINGS).set_index("quantity")


def rows(name: str, arm: tuple[str, str]) -> pd.DataFrame:
    table = STUDY[name]
    return table[(table.model == arm[0]) & (table.supervision == arm[1])]


def per_seed(name: str, arm: tuple[str, str], measure) -> pd.Series:
    return pd.Series({seed: measure(own) for seed, own in rows(name, arm).groupby("seed")})


def of_runs(column: str, factor: float = 100):
    return lambda arm: factor * rows("runs", arm).set_index("seed")[column]


def residuals(values: pd.Series) -> np.ndarray:
    y, x = values.to_numpy(), np.arange(len(values))
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
    return y - y.mean() - slope * (x - x.mean())


def scatter(values: pd.Series) -> float:
    return np.sqrt((residuals(values) ** 2).sum() / (len(values) - 2))


def of_curve(column: str, measure, name: str = "epochs", first: int = 6 - LAST):
    """A measure of each run's last epochs, all at first = 0."""
    return lambda arm: per_seed(name, arm, lambda own: measure(own[own.epoch >= first][column]))


def mean_error(accuracy: pd.Series) -> float:
    error = 1 - accuracy.to_numpy()
    return 100 * ((error[1:] + error[:-1]) / 2).mean()


def time_to(accuracy: float, unit: str):
    def of_arm(arm):
        def of_run(own):
            reached = np.flatnonzero(own.validation_accuracy >= accuracy)
            seconds = [*own.seconds, own.seconds.mean()]  # one more epoch for a run that never reaches it
            epochs = reached[0] + 1 if len(reached) else len(own) + 1
            return epochs if unit == "epochs" else sum(seconds[:epochs])

        times = per_seed("epochs", arm, of_run)
        if unit == "with teacher" and arm == STUDENT:
            times += rows("runs", TEACHER).set_index("seed").seconds + 3  # of storing its logits
        return times

    return of_arm


def generalisation_gap(arm):
    return of_runs("last_train_accuracy")(arm) - of_runs("last_test_accuracy")(arm)


def answers(part):
    """A number of each run's test answers: given and true class are columns prediction and label."""
    return lambda arm: per_seed("predictions", arm, part).astype(float)


def share_of_coats(own: pd.DataFrame) -> float:
    wrong = own[own.prediction != own.label]
    return 100 * (wrong.label == 1).mean()


def recall(own: pd.DataFrame) -> float:
    return 100 * (own[own.label == 1].prediction == 1).mean()


def precision(own: pd.DataFrame) -> float:
    return 100 * (own[own.prediction == 1].label == 1).mean()


SIDES = {
    "validation error, mean over the training": ("below", of_curve("validation_accuracy", mean_error, first=0)),
    "the same, above the run's own last error": (
        "below",
        of_curve("validation_accuracy", lambda a: mean_error(a) - 100 * (1 - a.iloc[-1]), first=0),
    ),
    **{
        f"{name} to {accuracy} % validation accuracy": ("below", time_to(accuracy / 100, unit))
        for accuracy in (90, 99)
        for name, unit in (
            ("epochs", "epochs"), ("seconds", "seconds"), ("seconds, teacher and its logits included,", "with teacher"),
        )
    },
    f"scatter of the batches' hard losses in the last {LAST} epochs": (
        "above", of_curve("hard_loss", scatter, "steps"),
    ),
    f"scatter of the batches' hard losses in the last {LAST} epochs, relative to their mean": (
        "above", of_curve("hard_loss", lambda values: 100 * scatter(values) / values.mean(), "steps"),
    ),
    f"scatter of the batches' losses as trained on in the last {LAST} epochs": (
        "above", of_curve("loss", scatter, "steps"),
    ),
    f"scatter of the epochs' mean losses as trained on over the last {LAST} epochs": (
        "above", of_curve("loss", scatter),
    ),
    f"scatter of the epochs' mean hard losses over the last {LAST} epochs": ("above", of_curve("hard_loss", scatter)),
    "hard loss in the last epoch, while learning": ("above", of_curve("hard_loss", lambda values: values.iloc[-1])),
    f"scatter of validation accuracy over the last {LAST} epochs": (
        "below", of_curve("validation_accuracy", lambda values: 100 * scatter(values)),
    ),
    f"mean change from epoch to epoch of validation accuracy over the last {LAST} epochs": (
        "below", of_curve("validation_accuracy", lambda values: 100 * np.abs(np.diff(residuals(values))).mean()),
    ),
    "training accuracy, last epoch, in evaluation mode without augmentation": ("above", of_runs("last_train_accuracy")),
    "training accuracy while learning, last epoch": (
        "above", of_curve("train_accuracy", lambda values: 100 * values.iloc[-1]),
    ),
    "test accuracy, last epoch": ("above", of_runs("last_test_accuracy")),
    "the same, for other seeds on these test images": ("above", of_runs("last_test_accuracy")),
    "test accuracy at the epoch that validation selects": ("above", of_runs("selected_test_accuracy")),
    "test accuracy at the best epoch on test, as published": ("above", of_runs("best_on_test_accuracy")),
    "negative log likelihood on test": ("below", of_runs("test_nll", 1)),
    "expected calibration error on test": ("below", of_runs("test_ece")),
    "generalisation gap (training less test accuracy)": ("below", generalisation_gap),
    "test errors on class coat (1)": (
        "below", answers(lambda own: ((own.label == 1) & (own.prediction != 1)).sum()),
    ),
    "share of class coat (1) in the test errors": ("below", answers(share_of_coats)),
    "recall of class coat (1)": ("above", answers(recall)),
    "precision of class coat (1)": ("above", answers(precision)),
    "coat taken for shirt": ("below", answers(lambda own: ((own.label == 1) & (own.prediction == 2)).sum())),
    "bag taken for coat": ("below", answers(lambda own: ((own.label == 0) & (own.prediction == 1)).sum())),
}  # fmt: skip


@pytest.mark.parametrize("name", SIDES)
def test_student_and_baseline_and_their_difference_by_seed(table, name):
    claimed, of_arm = SIDES[name]
    row = table.loc[name]
    student, baseline = of_arm(STUDENT).align(of_arm(BASELINE), join="inner")  # the baseline has a seed more
    assert row.claimed == claimed
    assert row.student == pytest.approx(student.mean())
    assert row.baseline == pytest.approx(baseline.mean())
    best = max(rows("epochs", arm).validation_accuracy.max() for arm in (STUDENT, BASELINE))
    effect = np.nan if "to 99 %" in name and best < 0.99 else (student - baseline).mean()
    assert row.effect == pytest.approx(effect, nan_ok=True)
    assert row.n == SEEDS


def test_the_spread_over_the_seeds_is_of_the_paired_ones(table):
    """The baseline has a seed more, of another experiment."""
    row = table.loc["spread of the last validation accuracy over the seeds (standard deviation)"]
    paired = [of_runs("last_validation_accuracy")(arm)[:SEEDS] for arm in (BASELINE, STUDENT)]
    assert [row.baseline, row.student] == pytest.approx([values.std() for values in paired])


def test_what_decides_each_claim(table):
    deciding = table[table.decides].reset_index().set_index("claim").quantity
    assert deciding.to_dict() == {
        "1": "validation error, mean over the training",
        "2a": f"scatter of the batches' hard losses in the last {LAST} epochs",
        "2b": f"scatter of validation accuracy over the last {LAST} epochs",
        "3a": "training accuracy, last epoch, in evaluation mode without augmentation",
        "3b": "test accuracy, last epoch",
        "3c": "test accuracy, student less the middle of teacher and baseline",
        "4": "squared Jensen-Shannon distance of the errors per class, beyond noise",
        "5": "test errors on class coat (1)",
        "6": "Gini coefficient of the test error rates per class",
    }


def test_what_was_published(table):
    assert table.published.dropna().to_dict() == pytest.approx({
        "training accuracy, last epoch, in evaluation mode without augmentation": 0.9,
        "training accuracy while learning, last epoch": 0.9,
        "test accuracy, last epoch": 2.2,
        "the same, for other seeds on these test images": 2.2,
        "test accuracy at the best epoch on test, as published": 2.2,
        "test accuracy, student less the middle of teacher and baseline": 2.2 - 1.5,
        "test accuracy, student less teacher": 2.2 - 3,
        "share of the teacher's lead over the baseline that the student has": 100 * 2.2 / 3,
    })  # fmt: skip


def test_nearness_to_the_teacher(table):
    teacher, baseline, student = (of_runs("last_test_accuracy")(arm) for arm in (TEACHER, BASELINE, STUDENT))
    middle, apart, share = (table[table.claim == "3c"].iloc[number] for number in range(3))
    assert middle.effect == pytest.approx((student - (teacher + baseline) / 2).mean())
    assert apart.effect == pytest.approx((student - teacher).mean())
    assert share.effect == pytest.approx(100 * (student - baseline).mean() / (teacher - baseline).mean())


@pytest.mark.parametrize("epochs", ["epoch >= 5", "epoch < 1"])
def test_too_few_logged_steps_are_named(epochs):
    """Two of the last epochs, or none: with few images an epoch has less than twenty steps, of which one is logged."""
    few = STUDY["steps"].query(epochs).groupby(["model", "supervision", "seed"]).head(2)
    table = claims.claims_table(Results(STUDY | {"steps": few}), CLASSES, {"x": FIGURES}, SETTINGS)
    row = table[(table.claim == "2a") & table.decides].iloc[0]
    assert np.isnan(row.effect)
    assert row.remark == "needs three logged steps in these epochs"


def wrong(arm: tuple[str, str]) -> np.ndarray:
    """[seeds, images], of the seeds that all arms have."""
    own = rows("predictions", arm)
    own = own[own.seed < SEEDS].sort_values(["seed", "image"])
    return (own.prediction != own.label).to_numpy(float).reshape(SEEDS, -1)


def labels() -> np.ndarray:
    own = rows("predictions", BASELINE)
    return own[own.seed == 0].sort_values("image").label.to_numpy()


def same_interval(row: pd.Series, values: np.ndarray, noise: np.ndarray) -> None:
    interval, p = image_noise.seeds_and_images(values, noise)
    assert (row.low, row.high, row.p) == pytest.approx((interval.low, interval.high, p))


def test_the_images_noise_is_that_of_the_effect(table):
    t, b, s = wrong(TEACHER), wrong(BASELINE), wrong(STUDENT)
    images = b.shape[1]
    for name, per_image in (
        ("test accuracy, last epoch", b - s),
        ("test accuracy, student less the middle of teacher and baseline", (t + b) / 2 - s),
    ):
        noise = 100 * image_noise.flipped_images(per_image) / images
        same_interval(table.loc[name], 100 * per_image.sum(axis=1) / images, noise)
    of_class = [(s - b)[:, labels() == label] for label in range(len(CLASSES))]
    tested = [(own.sum(axis=1), image_noise.flipped_images(own)) for own in of_class]
    same_interval(table.loc["test errors on class coat (1)"], *tested[1])
    together = table.loc["the same, tested together with all other classes"]
    assert together.p == pytest.approx(holm([image_noise.seeds_and_images(*own).p for own in tested])[1])
    assert together.effect == table.effect["test errors on class coat (1)"]


def test_the_images_noise_of_a_share_and_of_evenness_is_that_of_permuted_classes_without_chance_of_single_runs(table):
    both = np.stack([wrong(STUDENT), wrong(BASELINE)])
    permuted = image_noise.permuted_counts(both.astype(bool), labels(), len(CLASSES))
    of_images = np.sqrt(image_noise.share_of_images(image_noise.share_differences(both)))
    assert 0.1 < of_images < 0.9
    of_coats = 100 * (permuted / permuted.sum(axis=-1, keepdims=True))[..., 1].mean(axis=-1)
    values = 100 * np.subtract(*(counts(arm)[:, 1] / counts(arm).sum(axis=1) for arm in (STUDENT, BASELINE)))
    name = "share of class coat (1) in the test errors"
    same_interval(table.loc[name], values, of_images * (of_coats[:, 0] - of_coats[:, 1]))
    even = gini(image_noise.at_equal_counts(permuted)).mean(axis=-1)  # all classes have as many images
    own = np.stack([counts(STUDENT), counts(BASELINE)])
    drawn = image_noise.at_equal_counts(np.broadcast_to(own, (claim_errors.THINNINGS, *own.shape)))
    values = np.subtract(*gini(drawn).mean(axis=0))
    name = "Gini coefficient of the test error rates per class"
    same_interval(table.loc[name], values, of_images * (even[:, 0] - even[:, 1]))


def counts(arm: tuple[str, str]) -> np.ndarray:
    return wrong(arm) @ np.eye(len(CLASSES))[labels()]


def test_evenness_is_compared_at_equal_numbers_of_errors(table):
    random = np.random.default_rng(0)
    found = {}
    for baseline, student in zip(counts(BASELINE).astype(int), counts(STUDENT).astype(int), strict=True):
        fewest = min(baseline.sum(), student.sum())
        for name, own in (("baseline", baseline), ("student", student)):
            drawn = random.multivariate_hypergeometric(own, fewest, size=2000)
            found.setdefault(name, []).append(gini(drawn).mean())
    row = table.loc["Gini coefficient of the test error rates per class"]
    assert row.claimed == "below"
    assert row.baseline == pytest.approx(np.mean(found["baseline"]), abs=0.005)
    assert row.student == pytest.approx(np.mean(found["student"]), abs=0.005)
    assert row.baseline > gini(counts(BASELINE)).mean() + 0.005  # few errors are uneven by chance alone
    assert table.claimed["normalised entropy of the test error rates per class"] == "above"
    assert table.claimed["share of the highest class in the sum of these rates"] == "below"


def test_evenness_is_of_rates():
    """With twice the images of one class, of which as many are wrong again, its rate is the same."""
    predictions = STUDY["predictions"]
    twice = predictions[predictions.label == 2].assign(image=lambda rows: rows.image + predictions.image.max() + 1)
    study = Results(STUDY | {"predictions": pd.concat([predictions, twice])})
    found = claims.claims_table(study, CLASSES, {"x": FIGURES}, SETTINGS).set_index("quantity")
    name = "normalised entropy of the test error rates per class"
    once = claims.claims_table(Results(STUDY), CLASSES, {"x": FIGURES}, SETTINGS).set_index("quantity")
    for side in ("baseline", "student"):
        assert found[side][name] == pytest.approx(once[side][name], abs=0.01)


def test_likeness_of_teacher_and_baseline(table):
    teacher, baseline = counts(TEACHER), counts(BASELINE)
    distance, correlation, kappa = (table[table.claim == "4"].iloc[number] for number in range(3))
    assert distance.reference == pytest.approx(1000 * SETTINGS["alike"] ** 2)
    assert distance.claimed == "below"
    assert distance.student == pytest.approx(1000 * jensenshannon(teacher.sum(0), baseline.sum(0), base=2) ** 2)
    pairs = list(itertools.permutations(range(SEEDS), 2))

    def correlations(a, b):
        return np.mean([np.corrcoef(a[i], b[j])[0, 1] for i, j in pairs])

    def kappas(a, b):
        return np.mean([kappa_matrix(np.stack([a[i], b[j]]))[0, 1] for i, j in pairs])

    for row, mean, a, b in (
        (correlation, correlations, teacher, baseline), (kappa, kappas, wrong(TEACHER), wrong(BASELINE)),
    ):  # fmt: skip
        within = (mean(a, a) + mean(b, b)) / 2
        assert (row.student, row.baseline) == pytest.approx((mean(a, b), within))
        assert row.effect == pytest.approx(mean(a, b) - within)
