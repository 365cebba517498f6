"""Claims about test accuracy: whether the student generalises better, and how near it comes to the teacher (3b, 3c)."""

from collections.abc import Iterator

import numpy as np

from dark_knowledge.analysis.claim_quantities import POINTS, Evidence, Quantity, compare
from dark_knowledge.analysis.error_sets import common_wrong
from dark_knowledge.analysis.image_noise import flipped_images, seeds_and_images
from dark_knowledge.analysis.results import by_seed, difference, paired, rows_of
from dark_knowledge.analysis.statistics import Interval, probability_of_superiority, ratio_interval

OTHER_IMAGES = "interval and p hold for other seeds and other test images"
SAME_RUNS = "teacher and baseline are the same runs"


def generalisation(e: Evidence) -> Iterator[Quantity]:
    def of_column(column: str, name: str, unit: str = POINTS, factor: float = 100, sign: int = 1, **more) -> Quantity:
        student, baseline = (factor * by_seed(e.runs, arm, column) for arm in (e.student, e.baseline))
        return compare("3b", name, unit, student, baseline, sign=sign, **more)

    published = e.lead("student", "baseline")
    wrong_student, wrong_baseline = e.wrong
    yield of_column(
        "last_test_accuracy", "test accuracy, last epoch", decides=True, published=published, remark=OTHER_IMAGES,
        image_noise=100 * flipped_images(wrong_baseline.astype(float) - wrong_student) / wrong_student.shape[1],
    )  # fmt: skip
    yield of_column("last_test_accuracy", "the same, for other seeds on these test images", published=published)
    yield of_column("selected_test_accuracy", "test accuracy at the epoch that validation selects")
    if all(rows_of(e.runs, arm).best_on_test_accuracy.notna().all() for arm in (e.student, e.baseline)):
        yield of_column(
            "best_on_test_accuracy", "test accuracy at the best epoch on test, as published", published=published,
            remark="the test set picks the epoch, so this decides nothing",
        )  # fmt: skip
    student, baseline = paired(*(by_seed(e.runs, arm, "last_test_accuracy") for arm in (e.student, e.baseline)))
    superiority, n = probability_of_superiority(student, baseline), len(student)
    yield Quantity(
        "3b", "probability that a student beats a baseline on test", "", np.full(n, np.nan), 1, reference=0.5,
        p=np.nan, interval=Interval(superiority, np.nan, np.nan, n), is_difference=False,
        remark="over all pairs of their runs",
    )  # fmt: skip
    yield of_column("test_nll", "negative log likelihood on test", "nats", 1, -1, digits=4)
    yield of_column("test_ece", "expected calibration error on test", sign=-1)
    gaps = [
        100 * (by_seed(e.runs, arm, "last_train_accuracy") - by_seed(e.runs, arm, "last_test_accuracy"))
        for arm in (e.student, e.baseline)
    ]
    yield compare("3b", "generalisation gap (training less test accuracy)", POINTS, *gaps, sign=-1)


def nearness(e: Evidence) -> Iterator[Quantity]:
    """Claim 3c. Which side of the middle is the teacher's, its lead says, so its lead too must be more than chance."""
    teacher, baseline, student = paired(
        *(100 * by_seed(e.runs, arm, "last_test_accuracy") for arm in (e.teacher, e.baseline, e.student))
    )
    gain, lead = e.lead("student", "baseline"), e.lead("teacher", "baseline")
    leads, values = difference(teacher, baseline), difference(student, (teacher + baseline) / 2)
    of_teacher, of_baseline, of_student = (
        100 * own.astype(float) / own.shape[1] for own in common_wrong(e.predictions, e.teacher, e.baseline, e.student)
    )
    noise = flipped_images((of_teacher + of_baseline) / 2 - of_student)
    leading = seeds_and_images(leads, flipped_images(of_baseline - of_teacher))
    p = np.maximum(seeds_and_images(values, noise).p, leading.p)
    same = e.teacher.key == e.baseline.key
    yield Quantity(
        "3c", "test accuracy, student less the middle of teacher and baseline", POINTS, values,
        sign=-1 if leads.mean() < 0 else 1, p=np.nan if same else p, decides=True,
        baseline=baseline.mean(), student=student.mean(), published=gain - lead / 2,
        interval=Interval(np.nan, np.nan, np.nan, len(values)) if same else None, image_noise=noise,
        remark=SAME_RUNS if same else f"{OTHER_IMAGES}; the teacher's side of the middle is where it is nearer, and p "
        "is no less than that of the teacher's lead",
    )  # fmt: skip
    yield Quantity(
        "3c", "test accuracy, student less teacher", POINTS, difference(student, teacher), student=student.mean(),
        published=gain - lead,
    )  # fmt: skip
    share = ratio_interval(student - baseline, teacher - baseline)
    published = 100 * gain / lead if lead else np.nan
    yield Quantity(
        "3c", "share of the teacher's lead over the baseline that the student has", "%", values, p=np.nan, digits=0,
        interval=Interval(100 * share.mean, 100 * share.low, 100 * share.high, share.n), is_difference=False,
        published=published,
        remark="a ratio of means with Fieller's interval over the seeds, where the teacher's lead is above zero",
    )  # fmt: skip
