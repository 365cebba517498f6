"""The losses of Hinton, Vinyals & Dean 2015 (arXiv 1503.02531, section 2) and the two kinds of supervision."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax


class Losses(NamedTuple):
    """Scalars of one batch: the loss that is minimised, and its hard- and soft-target terms (None where unused)."""

    total: Tensor
    hard: Tensor
    soft: Tensor | None


Supervision = Callable[[Tensor, int, Tensor], Losses]
"""Maps (logits [b, c], epoch, image indices [b]) to the losses of the batch."""


def soft_target_loss(logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T^2 KL(p_T || q_T) for logits [b, c]: summed over classes, averaged over the batch.

    T^2 undoes the 1/T^2 scale of the soft targets' gradient, so that the hard weight means the same at every
    temperature (the end of the paper's section 2). KL differs from the paper's cross-entropy by the teacher's entropy,
    a constant for the student: the gradients are equal, and zero means a perfect match.
    """
    student = log_softmax(logits / temperature, dim=1)
    teacher = log_softmax(teacher_logits / temperature, dim=1)
    return temperature**2 * kl_div(student, teacher, reduction="batchmean", log_target=True)


def distillation_losses(
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float,
    hard_weight: float,
    label_smoothing: float = 0.0,
) -> Losses:
    """hard_weight * CE(z, y) + (1 - hard_weight) * T^2 KL(p_T || q_T), with its two terms unweighted beside it."""
    hard = cross_entropy(logits, labels, label_smoothing=label_smoothing)
    soft = soft_target_loss(logits, teacher_logits, temperature)
    return Losses(hard_weight * hard + (1 - hard_weight) * soft, hard, soft)


def learn_from_labels(labels: Tensor, label_smoothing: float) -> Supervision:
    """Cross-entropy with `labels` [n]."""

    def supervision(logits: Tensor, epoch: int, index: Tensor) -> Losses:
        loss = cross_entropy(logits, labels[index], label_smoothing=label_smoothing)
        return Losses(loss, loss, None)

    return supervision


def learn_from_teacher(
    labels: Tensor, teacher_logits: Tensor, *, temperature: float, hard_weight: float, label_smoothing: float = 0.0
) -> Supervision:
    """Distillation from stored `teacher_logits` [epochs, n, c]: row (epoch, image) belongs to that very view."""

    def supervision(logits: Tensor, epoch: int, index: Tensor) -> Losses:
        return distillation_losses(
            logits,
            labels[index],
            teacher_logits[epoch, index].float(),
            temperature=temperature,
            hard_weight=hard_weight,
            label_smoothing=label_smoothing,
        )

    return supervision
