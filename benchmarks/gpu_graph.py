"""CUDA graphs: of a whole training step, from the views of its images to its measured losses, or of a net's passes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from gpu_kit import loop

from dark_knowledge.training.augment import Views, epoch_views, render
from dark_knowledge.training.recipes import one_cycle

WARM_UP = 3  # steps before the capture, which are part of the training


@contextmanager
def graphed_passes(training: loop._Training) -> Iterator[None]:
    """Within, a pass of the network in training mode is one launch forward and one back; on a CPU nothing changes."""
    model, compute = training.model, training.compute
    if compute.device.type != "cuda":
        yield
        return
    images = training.data.normalise(training.data.train_images[: training.recipe.batch_size])
    before = [buffer.clone() for buffer in model.buffers()]
    with torch.autocast("cuda", dtype=torch.bfloat16, enabled=compute.bfloat16, cache_enabled=False):
        torch.cuda.make_graphed_callables(model.train(), (images,))
    for buffer, value in zip(model.buffers(), before, strict=True):
        buffer.copy_(value)  # the passes that warm up move the averages of batch norm
    try:
        yield
    finally:
        del model.forward


class GraphedEpochs:
    """Trains as `loop._train_epoch` does, all its inputs in buffers that stay where they are.

    The number of the step and of the epoch are tensors of one element, since one of none would have to be read by the
    CPU. Without a GPU the same body runs step by step.
    """

    def __init__(self, training: loop._Training):
        n, device = len(training.data.train_images), training.compute.device
        self.training, self.steps = training, loop.steps_per_epoch(n, training.recipe)
        batch = training.recipe.batch_size
        self.order = torch.zeros(self.steps, batch, dtype=torch.long, device=device)
        flip = torch.zeros(n, dtype=torch.bool, device=device) if training.recipe.flip else None
        self.views = Views(self.order, flip, *torch.zeros(2, n, dtype=torch.long, device=device))
        self.rates = torch.zeros(self.steps, device=device)
        self.rate = torch.zeros((), device=device)
        self.measured = torch.zeros(self.steps, len(loop.STEP_COLUMNS), device=device)
        self.step = torch.zeros(1, dtype=torch.long, device=device)
        self.epoch = torch.zeros(1, dtype=torch.long, device=device)
        for parameter in training.model.parameters():  # zeros give the first step's same bits
            training.optimiser.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
        self.graph = None

    def train(self, epoch: int) -> torch.Tensor:
        """One epoch; returns its measured rows [steps, 4] on the CPU."""
        recipe, n = self.training.recipe, len(self.training.data.train_images)
        views = epoch_views(self.training.seed, epoch, n, flip=recipe.flip, shift=recipe.shift)
        self.order.copy_(views.order[: self.order.numel()].view_as(self.order))
        for name in ("top", "left") + (("flip",) if recipe.flip else ()):
            getattr(self.views, name).copy_(getattr(views, name))
        total = recipe.epochs * self.steps
        first = epoch * self.steps
        rates = [one_cycle(first + k, total, recipe.learning_rate, recipe.warmup) for k in range(self.steps)]
        self.rates.copy_(torch.tensor(rates))
        self.step.zero_()
        self.epoch.fill_(epoch)
        loop._set_random_state(self.training, loop.Progress(history=[{}] * epoch))
        self.training.model.train()
        if self.training.compute.device.type != "cuda":
            for _ in range(self.steps):
                self._body()
            return self.measured.clone()
        warmed = 0
        if self.graph is None:
            self._capture()
            warmed = WARM_UP
        for _ in range(self.steps - warmed):
            self.graph.replay()
        return self.measured.cpu()

    def _capture(self) -> None:
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UP):
                self._body()
        torch.cuda.current_stream().wait_stream(beside)
        self.training.optimiser.zero_grad()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self._body()

    def _body(self) -> None:
        training = self.training
        index = self.order.index_select(0, self.step)[0]
        self.rate.copy_(self.rates.index_select(0, self.step)[0])
        images = training.data.normalise(render(training.padded, index, self.views, training.recipe.shift))
        row = loop._step(training, images, self.epoch, index, self.rate)
        self.measured.index_copy_(0, self.step, row[None])
        self.step.add_(1)
