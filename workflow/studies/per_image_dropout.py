"""The teacher of hinton2015.yaml with its hidden units dropped image by image, and a bound for each layer's norms."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn.functional import dropout, relu

from dark_knowledge.training.networks import Classifier, PixelDropout


class PerImage(nn.Module):
    def __init__(self, pixels, hidden, classes, bounds):
        super().__init__()
        self.pixel_dropout = PixelDropout(0.2)
        self.hidden = nn.ModuleList(nn.Linear(*widths) for widths in pairwise([pixels, *hidden]))
        self.classifier = Classifier(hidden[-1], classes)
        self.bounds = bounds

    def forward(self, images):
        if self.training:
            with torch.no_grad():
                for layer, bound in zip(self.hidden, self.bounds, strict=True):
                    layer.weight.copy_(torch.renorm(layer.weight, 2, 0, bound))
        x = self.pixel_dropout(images.flatten(1))
        for layer in self.hidden:
            x = dropout(relu(layer(x)), 0.5, self.training)
        return self.classifier(x)


def per_image(num_classes, image_shape, bounds):
    channels, height, width = image_shape
    return PerImage(channels * height * width, [1200, 1200], num_classes, bounds)
