"""A second way to every number of a training: networks as plain functions of their weights, the stream image by image,
losses written out, all in float64. Nothing here calls the library, so that no mistake in it can be on both sides."""

import zlib
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as f


def stream(name: str, *keys: int) -> np.random.SeedSequence:
    """Where the random numbers of a kind begin: NumPy's sequence of the keys, set apart by the name's CRC-32."""
    return np.random.SeedSequence(keys, spawn_key=(zlib.crc32(name.encode()),))


def torch_begins_at(name: str, *keys: int) -> None:
    torch.manual_seed(int(stream(name, *keys).generate_state(1, np.uint64)[0]))


def initial_weights(network: dict, shape: tuple, classes: int, seed: int) -> dict[str, Tensor]:
    """What PyTorch's layers draw in float32, made in the order in which the network has them."""
    torch_begins_at("weights", seed)
    weights = {}

    def add(name: str, layer: nn.Module) -> None:
        weights.update({f"{name}.{key}": value.double() for key, value in layer.state_dict().items()})

    def convolution(name: str, inputs: int, outputs: int, pool: bool) -> None:
        add(f"{name}.0", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
        add(f"{name}.{2 if pool else 1}", nn.BatchNorm2d(outputs))

    if network["architecture"] == "mlp":
        widths = [int(np.prod(shape)), *network["hidden"]]
        for number, (inputs, outputs) in enumerate(pairwise(widths)):
            add(f"hidden.{number}", nn.Linear(inputs, outputs))
        add("classifier", nn.Linear(widths[-1], classes))
        return weights
    if network["architecture"] == "plain":
        widths = [shape[0], *network["channels"]]
        for number, pool in enumerate(network["pool"]):
            convolution(str(number), widths[number], widths[number + 1], pool)
        side = shape[1] // 2 ** sum(network["pool"])
        add(str(len(network["pool"])), nn.Linear(widths[-1] * side * side, classes))
        return weights
    widths, place = [shape[0], *network["stem"]], len(network["stem"])
    for number in range(place):
        convolution(str(number), widths[number], widths[number + 1], True)
    inputs = widths[-1]
    for stage, (outputs, blocks) in enumerate(network["stages"]):
        place += stage > 0
        for _ in range(blocks):
            add(f"{place}.conv1", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            add(f"{place}.norm1", nn.BatchNorm2d(outputs))
            add(f"{place}.conv2", nn.Conv2d(outputs, outputs, 3, padding=1, bias=False))
            add(f"{place}.norm2", nn.BatchNorm2d(outputs))
            if inputs != outputs:
                add(f"{place}.shortcut.0", nn.Conv2d(inputs, outputs, 1, bias=False))
                add(f"{place}.shortcut.1", nn.BatchNorm2d(outputs))
            inputs, place = outputs, place + 1
    add(str(place + 1), nn.Linear(inputs, classes))
    return weights


def logits(network: dict, weights: dict[str, Tensor], x: Tensor, *, training: bool = False, work: list | None = None):
    """Logits [n, classes] of normalised images [n, c, h, w]; `work` gets the multiply-adds of an image, layer by layer.

    In training, batch norm moves the running values among `weights`, and dropout draws from torch's generator.
    """
    work = [] if work is None else work

    def conv(name: str, x: Tensor) -> Tensor:
        kernel = weights[f"{name}.weight"]
        y = f.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        work.append(y[0].numel() * kernel[0].numel())
        return y

    def norm(name: str, x: Tensor) -> Tensor:
        keys = ("running_mean", "running_var", "weight", "bias")
        if training:
            weights[f"{name}.num_batches_tracked"] += 1
        return f.batch_norm(x, *(weights[f"{name}.{key}"] for key in keys), training=training)

    def linear(name: str, x: Tensor) -> Tensor:
        work.append(weights[f"{name}.weight"].numel())
        return x.flatten(1) @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    if network["architecture"] == "ensemble":
        assert network["mean"] == "arithmetic"
        members = range(network["count"])
        own = [
            {k.partition(f"members.{m}.")[2]: v for k, v in weights.items() if f"members.{m}." in k} for m in members
        ]
        chances = [f.softmax(logits(network["members"], w, x, work=work) / network["temperature"], 1) for w in own]
        return network["temperature"] * torch.stack(chances).mean(0).log()
    if network["architecture"] == "mlp":
        x = x.flatten(1)
        if training:
            x = x.min() + (x - x.min()) * kept_pixels(x.shape, network["input_dropout"]) / (
                1 - network["input_dropout"]
            )
        for number, units in enumerate(network["hidden"]):
            x = f.relu(linear(f"hidden.{number}", x))
            if training:
                kept = torch.randperm(units)[: round(units * (1 - network["hidden_dropout"]))]
                x = x * torch.zeros(units).index_fill(0, kept, units / len(kept)).double()
        return linear("classifier", x)
    stem = network["pool"] if network["architecture"] == "plain" else [True] * len(network["stem"])
    for place, pool in enumerate(stem):
        x = conv(f"{place}.0", x)
        x = f.relu(norm(f"{place}.{2 if pool else 1}", f.max_pool2d(x, 2) if pool else x))
    place = len(stem)
    for stage, (_, blocks) in enumerate(network.get("stages", [])):
        if stage:
            x, place = f.max_pool2d(x, 2), place + 1
        for _ in range(blocks):
            y = f.relu(norm(f"{place}.norm1", conv(f"{place}.conv1", x)))
            y = norm(f"{place}.norm2", conv(f"{place}.conv2", y))
            if f"{place}.shortcut.0.weight" in weights:
                x = norm(f"{place}.shortcut.1", conv(f"{place}.shortcut.0", x))
            x, place = f.relu(x + y), place + 1
    if "stages" in network:
        x, place = x.mean((2, 3)), place + 1
    return linear(str(place), x)


def kept_pixels(shape: tuple, dropout: float) -> Tensor:
    """True where a pixel is kept: a draw of 64 bits serves four."""
    count = int(np.prod(shape))
    bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).numpy().view(np.int16)[:count]
    return torch.from_numpy(bits.astype(int) + 2**15 >= round(dropout * 2**16)).reshape(shape)


def views(images: np.ndarray, recipe: dict, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The order of an epoch's images, and each image [n, c, h, w] as this epoch shows it."""
    draw = np.random.default_rng(stream("views", seed, epoch))
    n, _, height, width = images.shape
    shift = recipe["shift"]
    order, flipped = draw.permutation(n), draw.random(n) < 0.5
    down, right = draw.integers(0, 2 * shift + 1, size=(2, n))
    boxes = erased_boxes(n, height, width, recipe.get("erase", 0), seed, epoch)
    mode = "reflect" if recipe.get("padding") == "reflect" else "constant"
    shown = np.empty_like(images)
    for i, image in enumerate(images):
        image = np.pad(image, ((0, 0), (shift, shift), (shift, shift)), mode=mode)
        image = image[:, down[i] : down[i] + height, right[i] : right[i] + width]
        shown[i] = image[..., ::-1] if flipped[i] and recipe["flip"] else image
        top, bottom, left, end = boxes[i]
        shown[i, :, top:bottom, left:end] = 0
    partner, own = mixture(n, recipe, seed, epoch)
    if own.min() < 1:
        own = own[:, None, None, None]
        shown = own * shown + (1 - own) * shown[partner]
    return order, shown


def mixture(n: int, recipe: dict, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Whom each image is mixed with, and the share of it that stays: all of it where nothing is mixed."""
    draw, alpha = np.random.default_rng(stream("mixing", seed, epoch)), recipe.get("mixup", 0)
    return (draw.permutation(n), draw.beta(alpha, alpha, n)) if alpha else (np.arange(n), np.ones(n))


def erased_boxes(n: int, height: int, width: int, probability: float, seed: int, epoch: int) -> np.ndarray:
    """First and last row and column of the box that each image loses [n, 4]."""
    draw = np.random.default_rng(stream("erasing", seed, epoch))
    area = draw.uniform(0.02, 0.33, n) * height * width
    ratio = np.exp(draw.uniform(np.log(0.3), -np.log(0.3), n))
    erased = draw.random(n) < probability
    boxes = np.empty((n, 4), int)
    for column, side, length in ((0, height, np.sqrt(area * ratio)), (2, width, np.sqrt(area / ratio))):
        length = np.minimum(np.maximum(np.round(length), 1), side).astype(int)
        length[~erased] = 0
        boxes[:, column] = draw.integers(0, side - length + 1)
        boxes[:, column + 1] = boxes[:, column] + length
    return boxes


def one_per_class(labels: np.ndarray, name: str, seed: int, count: int) -> np.ndarray:
    """`count` indices, as many of each class, drawn as the library says it draws; sorted."""
    draw, classes = np.random.default_rng(stream(name, seed)), np.unique(labels)
    each = count // len(classes)
    assert each * len(classes) == count
    return np.sort(np.concatenate([draw.permutation(np.flatnonzero(labels == c))[:each] for c in classes]))


def partners(labels: np.ndarray, within_class: bool, seed: int) -> np.ndarray:
    """Whose soft targets each image gets."""
    draw, partner = np.random.default_rng(stream("shuffle", seed)), np.empty(len(labels), int)
    for group in [np.flatnonzero(labels == c) for c in np.unique(labels)] if within_class else [np.arange(len(labels))]:
        cycle = draw.permutation(group)
        for place, image in enumerate(cycle):
            partner[image] = cycle[place - 1]
    return partner


def smoothed_cross_entropy(z: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    """Of each image."""
    log_q = z - z.logsumexp(1, keepdim=True)
    return -((1 - smoothing) * log_q.gather(1, labels[:, None])[:, 0] + smoothing * log_q.mean(1))


def soft_loss(z: Tensor, v: Tensor, labels: Tensor, function: str = "", alpha: float = 1, beta: float = 1) -> Tensor:
    """Of each image, KL from the teacher's softmax of `v`; decoupled, its part of the label and that of the others."""
    log_p, log_q = v - v.logsumexp(1, keepdim=True), z - z.logsumexp(1, keepdim=True)
    whole = (log_p.exp() * (log_p - log_q)).sum(1)
    if function != "decoupled":
        return whole
    p, q = (log.exp().gather(1, labels[:, None])[:, 0] for log in (log_p, log_q))
    of_label = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    return alpha * of_label + beta * (whole - of_label) / (1 - p)


def train(data, network: dict, recipe: dict, seed: int, chosen: np.ndarray, score_test: bool, teacher: dict | None):
    """Train as a run says of itself: its weights after each epoch, a row an epoch, a row a step.

    `data` has images as uint8 arrays, labels, and `normal`; `chosen` [n] bool; `teacher` has logits [epochs, n, c],
    temperature, hard_weight and loss.
    """
    weights = initial_weights(network, data.images["train"].shape[1:], data.classes, seed)
    learned = [value.requires_grad_() for key, value in weights.items() if key.endswith(("weight", "bias"))]
    optimiser = (
        torch.optim.AdamW(learned, betas=(recipe["momentum"], 0.999), weight_decay=recipe["weight_decay"])
        if recipe["optimiser"] == "adamw"
        else torch.optim.SGD(
            learned, lr=1, momentum=recipe["momentum"], nesterov=recipe["momentum"] > 0,
            weight_decay=recipe["weight_decay"],
        )
    )  # fmt: skip
    labels, per_epoch = torch.from_numpy(data.labels["train"]), int(chosen.sum()) // recipe["batch_size"]
    kept, epochs, steps = [], [], []
    for epoch in range(recipe["epochs"]):
        order, shown = views(data.images["train"], recipe, seed, epoch)
        order, shown = order[chosen[order]], data.normal(shown)
        partner, own = map(torch.from_numpy, mixture(len(labels), recipe, seed, epoch))
        targets = ((own, labels), (1 - own, labels[partner]))
        torch_begins_at("dropout", seed, epoch)
        for number in range(per_epoch):
            batch = torch.from_numpy(order[number * recipe["batch_size"] : (number + 1) * recipe["batch_size"]])
            row = {"step": epoch * per_epoch + number, "epoch": epoch}
            row["learning_rate"] = rate(row["step"], per_epoch * recipe["epochs"], recipe)
            z = logits(network, weights, shown[batch], training=True)
            hard = sum(
                w[batch] * smoothed_cross_entropy(z, y[batch], recipe["label_smoothing"]) for w, y in targets
            ).mean()
            total, row["soft_loss"] = hard, np.nan
            if teacher is not None:
                t, w = teacher["temperature"], teacher["hard_weight"]
                of_teacher = teacher["logits"][epoch % len(teacher["logits"]), batch].double()
                soft = soft_loss(z / t, of_teacher / t, labels[batch], **teacher["loss"]).mean() * t**2
                total, row["soft_loss"] = w * hard + (1 - w) * soft, soft.item()
            row |= {"loss": total.item(), "hard_loss": hard.item()}
            row["train_accuracy"] = sum(w[batch] * (z.argmax(1) == y[batch]) for w, y in targets).mean().item()
            optimiser.param_groups[0]["lr"] = row["learning_rate"]
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
            bound_norms(weights, recipe["max_norm"])
            steps.append(row)
        frozen = {key: value.detach().clone() for key, value in weights.items()}
        kept.append(frozen)
        own = steps[-per_epoch:]
        row = {key: np.mean([s[key] for s in own]) for key in ("loss", "hard_loss", "soft_loss", "train_accuracy")}
        row |= {"epoch": epoch, "learning_rate": own[-1]["learning_rate"], "test_accuracy": np.nan}
        for part in ("validation", "test") if score_test else ("validation",):
            z, answers = logits(network, frozen, data.normal(data.images[part])), torch.from_numpy(data.labels[part])
            row[f"{part}_accuracy"] = (z.argmax(1) == answers).double().mean().item()
            if part == "validation":
                row["validation_loss"] = smoothed_cross_entropy(z, answers, 0).mean().item()
        epochs.append(row)
    return kept, epochs, steps


def bound_norms(weights: dict[str, Tensor], most: float | None) -> None:
    """Of hidden units alone."""
    for key, value in weights.items():
        if most is not None and key.startswith("hidden.") and key.endswith("weight"):
            norms = (value.detach() ** 2).sum(1).sqrt()
            value.data *= torch.where(norms > most, most / norms, torch.ones_like(norms))[:, None]


def rate(step: int, steps: int, recipe: dict) -> float:
    """Up in a line, down in a line, never 0 while it trains."""
    rise = max(1, round(recipe["warmup"] * steps))
    if step < rise:
        return recipe["learning_rate"] * (step + 1) / rise
    return recipe["learning_rate"] * (steps - step) / (steps - rise + 1)
