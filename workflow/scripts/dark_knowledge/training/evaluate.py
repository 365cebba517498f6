"""Forward passes in evaluation mode."""

import torch
from torch import Tensor, nn

from dark_knowledge.data.prepared import Dataset
from dark_knowledge.training.devices import Compute


def predict(model: nn.Module, data: Dataset, images: Tensor, compute: Compute) -> Tensor:
    """Logits [n, c] in float32 of uint8 `images` [n, c, h, w], the model in evaluation mode."""
    model.eval()
    batches = images.split(compute.scoring_batch(images.shape[1:]))
    with torch.inference_mode(), compute.autocast():
        return torch.cat([model(data.normalise(batch)).float() for batch in batches])


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of the logits [n, c] whose largest is the label's [n]."""
    return (logits.argmax(1) == labels).sum().item() / len(labels)
