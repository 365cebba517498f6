"""A batch's losses: hard and soft targets weighed as in Hinton, Vinyals & Dean 2015, and two kinds of supervision."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from dark_knowledge.training import soft_losses
from dark_knowledge.training.augment import Mix, blend
from dark_knowledge.training.soft_losses import hinton


class Losses(NamedTuple):
    """Scalars of one batch: the loss that is minimised, and its hard- and soft-target terms (None where unused)."""

    total: Tensor
    hard: Tensor
    soft: Tensor | None


Supervision = Callable[[Tensor, int, Tensor, Mix | None], Losses]
"""Maps (logits [b, c], epoch, image indices [b], how the images are mixed) to the losses of the batch."""

SoftLoss = Callable[[Tensor, Tensor, float, Tensor], Tensor]
"""Maps (logits [b, c], teacher_logits [b, c], temperature, labels [b]) to a scalar; see soft_losses."""


def soft_loss_of(settings: dict) -> SoftLoss:
    """The loss of an entry of the config's `losses`; of an empty one, Hinton's."""
    arguments = {key: value for key, value in settings.items() if key != "function"}
    return partial(getattr(soft_losses, settings.get("function", "hinton")), **arguments)


def distillation_losses(
    logits: Tensor,
    labels: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float,
    hard_weight: float,
    label_smoothing: float = 0.0,
    soft_loss: SoftLoss = hinton,
) -> Losses:
    """hard_weight * CE(z, y) + (1 - hard_weight) * soft_loss, with its two terms unweighted beside it.

    `labels` are [b], or of mixed images their shares in each class [b, c].
    """
    hard = cross_entropy(logits, labels, label_smoothing=label_smoothing)
    soft = soft_loss(logits, teacher_logits, temperature, labels)
    return Losses(hard_weight * hard + (1 - hard_weight) * soft, hard, soft)


def _targets(labels: Tensor, index: Tensor, mix: Mix | None, classes: int) -> Tensor:
    """Labels [b] of the images `index` [b] out of `labels` [n]; of mixed images their shares in each class [b, c]."""
    return labels[index] if mix is None else blend(lambda images: one_hot(labels[images], classes), index, mix)


def learn_from_labels(labels: Tensor, label_smoothing: float) -> Supervision:
    """Cross-entropy with `labels` [n]."""

    def supervision(logits: Tensor, epoch: int, index: Tensor, mix: Mix | None = None) -> Losses:
        targets = _targets(labels, index, mix, logits.shape[1])
        loss = cross_entropy(logits, targets, label_smoothing=label_smoothing)
        return Losses(loss, loss, None)

    return supervision


def learn_from_teacher(
    labels: Tensor,
    teacher_logits: Tensor,
    *,
    temperature: float,
    hard_weight: float,
    label_smoothing: float = 0.0,
    soft_loss: SoftLoss = hinton,
    rows: Tensor | None = None,
) -> Supervision:
    """Distillation from stored `teacher_logits` [epochs, k, c]: row (epoch, image) belongs to that very view.

    `rows` [n] are the images' rows where these are not their numbers: of a drawn part, of which alone there are logits,
    or in a control that shuffles them.
    """

    def supervision(logits: Tensor, epoch: int, index: Tensor, mix: Mix | None = None) -> Losses:
        return distillation_losses(
            logits,
            _targets(labels, index, mix, logits.shape[1]),
            teacher_logits[epoch, index if rows is None else rows[index]].float(),
            temperature=temperature,
            hard_weight=hard_weight,
            label_smoothing=label_smoothing,
            soft_loss=soft_loss,
        )

    return supervision
