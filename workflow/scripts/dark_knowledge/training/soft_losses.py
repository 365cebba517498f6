"""What a student is told of its teacher's logits: the soft term of distillation, by several papers.

A loss is a public function of (logits [b, c], teacher_logits [b, c], temperature, labels [b]) that returns a scalar,
the mean over the batch; zero is a perfect match. Where `labels` has no default it needs one label an image, which mixed
images do not have. Its keyword-only arguments, numbers, are the keys of its entry in the config's `losses`. To add one
is to write its function here: the check of the config reads this file.
"""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, kl_div, log_softmax, mse_loss, one_hot, softmax


def hinton(logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor | None = None) -> Tensor:
    """T^2 KL(p_T || q_T), summed over classes. Hinton et al. 2015 (arXiv 1503.02531, section 2).

    T^2 undoes the 1/T^2 scale of the soft targets' gradient, so that the hard weight means the same at every
    temperature (the end of the paper's section 2). KL differs from the paper's cross-entropy by the teacher's entropy,
    a constant for the student: the gradients are equal.
    """
    student = log_softmax(logits / temperature, dim=1)
    teacher = log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)


def reverse_kl(logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor | None = None) -> Tensor:
    """T^2 KL(q_T || p_T): the student avoids what the teacher rules out. Gu et al. 2024 (arXiv 2306.08543, eq. 1)."""
    return hinton(teacher_logits, logits, temperature)


def symmetric_kl(logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor | None = None) -> Tensor:
    """T^2 (KL(p_T || q_T) + KL(q_T || p_T)) / 2: half of Jeffreys' divergence (Jeffreys 1946)."""
    return (hinton(logits, teacher_logits, temperature) + reverse_kl(logits, teacher_logits, temperature)) / 2


def squared_error(logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor | None = None) -> Tensor:
    """1 / (2 c) sum_i (z_i - v_i)^2, whatever the temperature. Ba & Caruana 2014 (arXiv 1312.6184, eq. 1).

    Divided by the classes c it is the limit of `hinton` for high T where the logits' means are zero (section 2.1).
    """
    return mse_loss(logits, teacher_logits) / 2


def decoupled(
    logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor, *, alpha: float = 1, beta: float = 8
) -> Tensor:
    """T^2 (alpha TCKD + beta NCKD). Zhao et al. 2022 (arXiv 2203.08679, eq. 7), with its code's T^2.

    `hinton` is TCKD + (1 - p_t) NCKD (eq. 5), so that a sure teacher says little of the other classes there.
    """
    target, others = _decoupled_terms(logits, teacher_logits, temperature, labels)
    return (alpha * target + beta * others).mean()


def _decoupled_terms(
    logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """TCKD and NCKD [b], times T^2: KL of (p_t, 1 - p_t), and KL among the classes other than the label t."""
    labelled = one_hot(labels, logits.shape[1]).bool()
    binary, others = [], []
    for scaled in (logits / temperature, teacher_logits / temperature):
        rest = scaled[~labelled].view(len(scaled), -1)
        binary.append(log_softmax(torch.stack([scaled[labelled], rest.logsumexp(1)], dim=1), dim=1))
        others.append(log_softmax(rest, dim=1))
    target, other = (
        temperature**2 * kl_div(student, teacher, reduction="none", log_target=True).sum(1)
        for student, teacher in (binary, others)
    )
    return target, other


def dist(
    logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    labels: Tensor | None = None,
    *,
    beta: float = 2,
    gamma: float = 2,
) -> Tensor:
    """T^2 (beta (1 - rho between images' rows) + gamma (1 - rho between classes' columns)), rho Pearson's correlation.

    Of softmax probabilities at T, each rho a mean over rows or columns. Huang et al. 2022 (arXiv 2205.10536, eq. 9 and
    10), with its code's T^2.
    """
    student, teacher = (softmax(z / temperature, dim=1) for z in (logits, teacher_logits))
    inter, intra = 1 - _correlation(student, teacher), 1 - _correlation(student.T, teacher.T)
    return temperature**2 * (beta * inter + gamma * intra)


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Pearson's correlation of each row of `a` with that of `b` [n, m], in the mean over rows."""
    return cosine_similarity(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True), dim=1).mean()


def standardised(
    logits: Tensor, teacher_logits: Tensor, temperature: float, labels: Tensor | None = None, *, weight: float = 1
) -> Tensor:
    """weight T^2 KL(p_T || q_T) of logits less their mean, over their standard deviation, image by image.

    Sun et al. 2024 (arXiv 2403.01427, algorithm 1); as in its code the deviation divides by c - 1.
    """
    return weight * hinton(_standardised(logits), _standardised(teacher_logits), temperature)


def _standardised(logits: Tensor) -> Tensor:
    centred = logits - logits.mean(1, keepdim=True)
    return centred / (logits.std(1, keepdim=True) + 1e-7)  # equal logits stay zero
