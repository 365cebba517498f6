"""Claims about where the errors are: by class, in teacher, baseline and student (4, 5, 6)."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from dark_knowledge.analysis.claim_accuracy import OTHER_IMAGES, SAME_RUNS
from dark_knowledge.analysis.claim_quantities import POINTS, Evidence, Quantity, compare
from dark_knowledge.analysis.class_errors import class_error_counts, class_quantities, hardest_class
from dark_knowledge.analysis.error_sets import different_seeds_mean, similarity, wrong_images
from dark_knowledge.analysis.formats import class_label
from dark_knowledge.analysis.image_noise import (
    at_equal_counts,
    class_counts,
    class_distance,
    flipped_images,
    seeds_and_images,
    share_differences,
    share_of_images,
)
from dark_knowledge.analysis.measures import gini, largest_share, normalised_entropy, shares
from dark_knowledge.analysis.results import difference
from dark_knowledge.analysis.statistics import Interval, beyond_same_net, holm

THINNINGS = 200


def similar_errors(e: Evidence) -> Iterator[Quantity]:
    limit = e.settings["alike"] ** 2
    teacher, baseline = wrong_images(e.predictions, e.teacher).align(
        wrong_images(e.predictions, e.baseline), join="inner", axis=0
    )  # an ensemble has no seed in common with others, and no spread of its own
    tested, observed, noise = class_distance(
        teacher.to_numpy(bool), baseline.to_numpy(bool), e.labels, len(e.classes), limit
    )
    n, same = max(len(teacher), 1), e.teacher.key == e.baseline.key
    interval = Interval(np.nan, np.nan, np.nan, n) if same else tested.interval
    yield Quantity(
        "4", "squared Jensen-Shannon distance of the errors per class, beyond noise", "thousandths of a bit",
        np.full(n, np.nan), -1, decides=True, reference=1000 * limit, baseline=1000 * noise,
        student=1000 * observed, p=np.nan if same else tested.p, digits=1, is_difference=False,
        interval=Interval(1000 * interval.mean, 1000 * interval.low, 1000 * interval.high, n),
        remark=_not_compared(e, len(teacher)) if np.isnan(interval.mean) else
        f"between teacher and baseline, less the noise of seeds and images; {OTHER_IMAGES}",
    )  # fmt: skip
    measured = similarity(e.predictions, e.class_errors, e.teacher, e.baseline)
    for measure, name in (
        ("correlation", "correlation of the errors per class"),
        ("kappa", "Cohen's kappa of the sets of wrong images"),
    ):
        between, *within = (different_seeds_mean(matrix) for matrix in measured[measure])
        yield Quantity(
            "4", name, "", beyond_same_net(*measured[measure]), baseline=np.mean(within), student=between, digits=3,
            p=np.nan if measure == "correlation" else None,
            remark="between teacher and baseline, less between two seeds of one net, which err on the same images",
        )  # fmt: skip


def _not_compared(e: Evidence, seeds: int) -> str:
    """Why the errors of teacher and baseline, of so many seeds in common, say nothing of each other."""
    if e.teacher.key == e.baseline.key:
        return SAME_RUNS
    return "needs two seeds of both nets" if seeds < 2 else "needs errors of both nets, in two classes or more"


def hardest(e: Evidence) -> Iterator[Quantity]:
    label = hardest_class(e.class_errors, e.baseline, e.published)
    yield from _class_errors(e, label)
    yield _class_share(e, label)
    yield from _class_confusions(e, label)


def _class_errors(e: Evidence, label: int) -> Iterator[Quantity]:
    counts = [class_error_counts(e.class_errors, arm) for arm in (e.student, e.baseline)]
    source = "published" if "improved_class" in e.published else "highest validation error rate of the baseline"
    wrong_student, wrong_baseline = e.wrong
    change = wrong_student.astype(float) - wrong_baseline
    classes = range(len(e.classes))
    noise = [flipped_images(change[:, e.labels == other]) for other in classes]
    p = [seeds_and_images(difference(*(own[other] for own in counts)), noise[other]).p for other in classes]
    p = holm(np.where(np.isin(classes, e.labels), p, np.nan))  # a class without test images tells nothing
    of_class = [own[label] for own in counts]
    yield compare(
        "5", f"test errors on class {class_label(e.classes[label], label)}", "errors", *of_class, sign=-1,
        decides=True, digits=1, image_noise=noise[label], remark=f"class: {source}; {OTHER_IMAGES}",
    )  # fmt: skip
    yield compare(
        "5", "the same, tested together with all other classes", "errors", *of_class, sign=-1, digits=1,
        image_noise=noise[label], p=p[label], remark=f"p adjusted by Holm over the classes; {OTHER_IMAGES}",
    )  # fmt: skip


def _class_share(e: Evidence, label: int) -> Quantity:
    counts = [class_error_counts(e.class_errors, arm) for arm in (e.student, e.baseline)]
    student, baseline = (100 * own.div(own.sum(axis=1), axis=0)[label] for own in counts)
    noise = 100 * shares(e.permuted)[..., label].mean(axis=-1) * np.sqrt(share_of_images(share_differences(e.wrong)))
    return compare(
        "5", f"share of class {class_label(e.classes[label], label)} in the test errors", POINTS, student, baseline,
        sign=-1, image_noise=noise[:, 0] - noise[:, 1],
        remark=f"whether it gains more than the classes together; {OTHER_IMAGES}",
    )  # fmt: skip


def _class_confusions(e: Evidence, label: int) -> Iterator[Quantity]:
    name = e.classes[label]
    student, baseline = (class_quantities(e.predictions, arm, label, e.classes) for arm in (e.student, e.baseline))
    for quantity, title in (("recall, %", "recall"), ("precision, %", "precision")):
        title = f"{title} of class {class_label(name, label)}"
        yield compare("5", title, POINTS, student[quantity], baseline[quantity], sign=1)
    for other in e.classes:
        for quantity, title in (
            (f"to {other}", f"{name} taken for {other}"),
            (f"from {other}", f"{other} taken for {name}"),
        ):
            if quantity in student and (student[quantity].any() or baseline[quantity].any()):
                yield compare("5", title, "images", student[quantity], baseline[quantity], sign=-1, digits=1)


def evenness(e: Evidence) -> Iterator[Quantity]:
    counts = class_counts(e.wrong, e.labels, len(e.classes))
    images = np.bincount(e.labels, minlength=len(e.classes))
    thinned, permuted = (
        (at_equal_counts(errors) / images)[..., images > 0]
        for errors in (np.broadcast_to(counts, (THINNINGS, *counts.shape)), e.permuted)
    )
    of_images = np.sqrt(share_of_images(share_differences(e.wrong)))
    for measure, name, unit, sign, factor, digits in (
        (gini, "Gini coefficient of the test error rates per class", "", -1, 1, 3),
        (normalised_entropy, "normalised entropy of the test error rates per class", "", 1, 1, 3),
        (largest_share, "share of the highest class in the sum of these rates", POINTS, -1, 100, 2),
    ):
        student, baseline = (pd.Series(values) for values in factor * measure(thinned).mean(axis=0))
        noise = factor * of_images * measure(permuted).mean(axis=-1)
        errors_in_all = counts.any(axis=-1).all()
        yield compare(
            "6", name, unit, student, baseline, sign=sign, decides=measure is gini, digits=digits,
            image_noise=noise[:, 0] - noise[:, 1],
            remark=f"at equal numbers of errors; {OTHER_IMAGES}" if errors_in_all else "needs errors in every run",
        )  # fmt: skip
