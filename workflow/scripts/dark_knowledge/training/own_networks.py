"""Networks that a user brings: a function in a file, my_nets.py:wide, or in an installed module.

The function is called with `num_classes`, with `image_shape` (channels, height, width) where it has an argument of that
name, and with the other keys of the config's entry, all by keyword. It returns a torch.nn.Module that maps images
[b, channels, height, width], float32 of zero mean and unit variance, to logits [b, num_classes].
"""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

from dark_knowledge.command import InputError, UserCodeError
from dark_knowledge.training.layers import ImageShape


def build(architecture: str, arguments: dict, image_shape: ImageShape, classes: int) -> nn.Module:
    """The network of a user's function, tried on two images of zeros in evaluation mode, and a twin in training mode.

    The twin with the first one's weights must give the same logits, or what is read back is not what was trained.
    """
    function = _function(architecture)
    given = {"num_classes": classes, **arguments}
    if "image_shape" in inspect.signature(function).parameters:
        given["image_shape"] = image_shape
    called = ", ".join(f"{key}={value!r}" for key, value in given.items())
    try:
        model = function(**given)
    except Exception as error:
        raise UserCodeError(f"{architecture} failed when it was called with {called}") from error
    if not isinstance(model, nn.Module):
        raise InputError(f"{architecture} returned {type(model).__name__}; allowed: a torch.nn.Module")
    training = model.training
    _try(architecture, model.eval(), image_shape, classes)
    with torch.random.fork_rng(devices=[]):
        twin = function(**given)
        _refuse_what_weights_do_not_hold(architecture, model, twin, image_shape)
        _try(architecture, twin.train(), image_shape, classes)
    return model.train(training)


def _function(architecture: str) -> Callable[..., nn.Module]:
    source, _, name = architecture.rpartition(":")
    try:
        return getattr(_module_in(Path(source)) if source.endswith(".py") else importlib.import_module(source), name)
    except Exception as error:
        raise UserCodeError(f"{architecture} cannot be imported") from error


def _module_in(path: Path) -> object:
    """The module of a file, which may import others from its folder, also later, when its functions are called."""
    sys.path.insert(0, str(path.parent.absolute()))
    try:
        spec = importlib.util.spec_from_file_location(f"own networks of {path.stem}", path)
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look it up there
        spec.loader.exec_module(module)
    finally:
        sys.path.append(sys.path.pop(0))  # last, so that no file there stands in for a module of the same name
    return module


def _try(architecture: str, model: nn.Module, image_shape: ImageShape, classes: int) -> None:
    """Refuse a network that makes no logits of images as training has them: channels last in memory."""
    images = torch.zeros(2, *image_shape).to(memory_format=torch.channels_last)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            logits = model.to(memory_format=torch.channels_last)(images)
    except Exception as error:
        raise UserCodeError(f"the network of {architecture} failed on images of shape {tuple(images.shape)}") from error
    found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != (2, classes):
        raise InputError(
            f"the network of {architecture} makes {found} of images of shape {tuple(images.shape)}; allowed: logits of "
            f"shape {(2, classes)}"
        )


def _refuse_what_weights_do_not_hold(
    architecture: str, model: nn.Module, twin: nn.Module, image_shape: ImageShape
) -> None:
    for name, value in model.state_dict().items():
        if not isinstance(value, torch.Tensor):
            raise InputError(f"the state_dict of {architecture} holds {name}, {type(value).__name__}; allowed: tensors")
    twin.load_state_dict(model.state_dict())
    images = torch.rand(2, *image_shape).to(memory_format=torch.channels_last)
    with torch.no_grad():
        same = torch.equal(model.eval()(images), twin.to(memory_format=torch.channels_last).eval()(images))
    if not same:
        raise InputError(
            f"two networks of {architecture} with the same weights answer differently in evaluation mode; allowed: a "
            "network that draws nothing then and whose parts are all in its state_dict (layers in a nn.ModuleList, not "
            "in a list)"
        )
