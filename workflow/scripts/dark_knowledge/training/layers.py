"""What networks of this project have in common: the images that come in, the layer that they end in."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

# Channels, height and width.
ImageShape = tuple[int, int, int]


class Classifier(nn.Linear):
    """A linear layer on flattened features that computes float32 logits whatever the autocast around it.

    `kept` are the indices of the inputs that `features` [b, k] holds, where it does not hold all.
    """

    def forward(self, features: Tensor, kept: Tensor | None = None) -> Tensor:
        weight = self.weight if kept is None else self.weight[:, kept]
        with torch.autocast(features.device.type, enabled=False):
            return linear(features.flatten(1).float(), weight, self.bias)
