"""The networks: sizes, precision and gradients."""

import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.training.networks import (
    Perceptron,
    PixelDropout,
    Submatrix,
    build_model,
    count_multiply_adds,
    count_parameters,
)

PLAIN = {"architecture": "plain", "channels": [4, 8], "pool": [True, False]}
RESNET = {"architecture": "resnet", "stem": [2, 4], "stages": [[4, 1], [8, 2]]}


def build(settings: dict, size: tuple[int, int, int] = (1, 28, 28), classes: int = 10) -> torch.nn.Module:
    return build_model({key: value for key, value in settings.items() if key != "recipe"}, size, classes)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # 3x3 convolutions 1-4-8, batch norms, 8 * 14 * 14 features to 10 classes
        (PLAIN, (36 + 8) + (288 + 16) + (1568 * 10 + 10)),
        # the note's natural net (its 174 666 have a bias in each convolution, 64 + 64 + 128 of them)
        ({"architecture": "plain", "channels": [64, 64, 128], "pool": [True, True, False]}, 174_666 - 256),
        # stem 1-2-4; a block 4-4; a block 4-8 with its 1x1 shortcut; a block 8-8; 8 features
        (RESNET, (18 + 4) + (72 + 8) + 2 * (144 + 8) + (288 + 16 + 576 + 16 + 32 + 16) + 2 * (576 + 16) + 90),
    ],
)
def test_parameters_worked_by_hand(settings, expected):
    assert count_parameters(build(settings)) == expected


@pytest.mark.parametrize(("model", "expected"), [("student", 175_000), ("resnet", 1_351_100)])
def test_the_configs_networks_have_the_notes_sizes(config, model, expected):
    assert count_parameters(build(config["models"][model])) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # a 3x3 convolution costs 9 multiply-adds a pixel and pair of channels, before its pooling
        (PLAIN, 28**2 * 9 * 4 + 14**2 * 9 * 4 * 8 + 1568 * 10),
        (
            RESNET,
            (28**2 * 2 + 14**2 * 2 * 4 + 7**2 * 2 * 4 * 4) * 9
            + 3**2 * (9 * (4 * 8 + 3 * 8 * 8) + 4 * 8)  # the second stage, at 3x3, with its 1x1 shortcut
            + 8 * 10,
        ),
    ],
)
def test_multiply_adds_worked_by_hand(settings, expected):
    assert count_multiply_adds(build(settings), (1, 28, 28)) == expected


def test_counting_leaves_the_model_as_it_is():
    model = build(PLAIN).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    count_multiply_adds(model, (1, 28, 28))
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("size", [(1, 28, 28), (1, 33, 17), (3, 28, 28)])
@pytest.mark.parametrize("settings", [PLAIN, RESNET], ids=["plain", "resnet"])
def test_logits_have_a_row_per_image_and_a_column_per_class(settings, size):
    assert build(settings, size, classes=7)(torch.randn(3, *size)).shape == (3, 7)


@pytest.mark.parametrize("settings", [PLAIN, RESNET], ids=["plain", "resnet"])
def test_logits_are_float32_under_autocast(settings):
    model = build(settings).eval()
    images = torch.randn(8, 1, 28, 28)
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        logits = model(images)
        assert model[0](images).dtype == torch.bfloat16  # autocast is on before the last layer
    assert logits.dtype == torch.float32
    assert not torch.equal(logits, logits.bfloat16().float())
    with torch.no_grad():
        torch.testing.assert_close(logits, model(images), rtol=0.05, atol=0.05)


@pytest.mark.parametrize("settings", [PLAIN, RESNET], ids=["plain", "resnet"])
def test_gradient_reaches_every_parameter(settings):
    torch.manual_seed(0)
    model = build(settings)
    model(torch.randn(16, 1, 28, 28)).square().mean().backward()
    silent = [name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert silent == []


def test_stages_halve_the_resolution_from_the_second_on():
    shapes = []
    model = build(RESNET | {"stages": [[4, 2], [8, 1], [16, 2]]})
    for layer in model:
        layer.register_forward_hook(lambda layer, inputs, output: shapes.append(tuple(output.shape[1:])))
    model(torch.randn(2, 1, 28, 28))
    assert list(dict.fromkeys(shapes)) == [
        *[(2, 14, 14), (4, 7, 7)],  # stem
        *[(4, 3, 3), (8, 3, 3), (8, 1, 1), (16, 1, 1)],
        (10,),
    ]


@pytest.mark.parametrize(
    "settings",
    [{"architecture": "plain", "channels": [2] * 5, "pool": [True] * 5}, RESNET | {"stages": [[4, 1]] * 4}],
    ids=["plain", "resnet"],
)
def test_more_poolings_than_the_image_has_halves_are_refused(settings):
    with pytest.raises(InputError, match="pools 5 times, but images are 28x31 pixels; allowed: at most 4"):
        build(settings, (1, 28, 31))
    assert build(settings, (1, 32, 32))(torch.randn(2, 1, 32, 32)).shape == (2, 10)


def test_pooling_before_the_norm_equals_pooling_after_it():
    torch.manual_seed(0)
    model = build(PLAIN | {"pool": [True, True]}).eval()
    for norm in (model[0][2], model[1][2]):
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    images = torch.randn(4, 1, 28, 28)
    features = images
    for convolution, pool, norm, relu in model[:2]:
        features = pool(relu(norm(convolution(features))))
    torch.testing.assert_close(model(images), model[2](features))


def test_the_seed_fixes_the_weights(make_model):
    first, again, other = (make_model(seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["0.0.weight"], other["0.0.weight"])


MEMBERS = {"architecture": "mlp", "hidden": [12], "input_dropout": 0.2, "hidden_dropout": 0.5}


def ensemble_of(mean: str, temperature: float = 1.0) -> torch.nn.Module:
    torch.manual_seed(0)
    settings = {"architecture": "ensemble", "members": MEMBERS, "count": 3, "mean": mean, "temperature": temperature}
    return build_model(settings, (1, 28, 28), 10).eval()


@pytest.fixture
def images():
    return 5 * torch.randn(6, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def test_an_arithmetic_mean_is_one_of_softened_probabilities(images):
    model = ensemble_of("arithmetic", temperature=4)
    expected = torch.stack([(member(images) / 4).softmax(1) for member in model.members]).mean(0)
    torch.testing.assert_close((model(images) / 4).softmax(1), expected)


def test_a_geometric_mean_is_one_of_log_probabilities_at_any_temperature(images):
    model = ensemble_of("geometric")
    for temperature in (1, 7):
        product = torch.stack([(member(images) / temperature).log_softmax(1) for member in model.members]).mean(0).exp()
        found = (model(images) / temperature).softmax(1)
        torch.testing.assert_close(found, product / product.sum(1, keepdim=True))


def test_the_mean_of_one_network_is_that_network(images):
    for mean in ("arithmetic", "geometric"):
        model = ensemble_of(mean)
        model.members = model.members[:1]
        torch.testing.assert_close(model(images).softmax(1), model.members[0](images).softmax(1))


@pytest.mark.parametrize(
    ("widths", "parameters"), [([1200, 1200], 2_395_210), ([800, 800], 1_276_810), ([30, 30], 24_790)]
)
def test_perceptrons_have_the_papers_parameters(widths, parameters):
    settings = {"architecture": "mlp", "hidden": widths, "input_dropout": 0.0, "hidden_dropout": 0.0}
    assert count_parameters(build_model(settings, (1, 28, 28), 10)) == parameters


@pytest.mark.parametrize("probability", [0.2, 0.5, 0.73])
def test_pixel_dropout_drops_its_share_and_keeps_the_mean(probability):
    torch.manual_seed(0)
    pixels = torch.ones(1000, 1001)
    pixels[0, 0] = 0  # background
    dropped = PixelDropout(probability)(pixels)
    kept = dropped > 0
    share = 1 - kept.double().mean().item()
    assert abs(share - probability) < 4 * (probability * (1 - probability) / dropped.numel()) ** 0.5
    torch.testing.assert_close(dropped[kept], torch.full((int(kept.sum()),), 1 / (1 - probability)))
    neighbours = (~kept[:, 1:] & ~kept[:, :-1]).double().mean().item()  # four of them share a draw
    assert abs(neighbours - probability**2) < 0.002


def test_a_dropped_pixel_is_background(images):
    torch.manual_seed(0)
    low = images.min()
    dropped = PixelDropout(0.2)(images)
    is_off = dropped == low
    assert 0.1 < is_off.double().mean() < 0.3
    torch.testing.assert_close(dropped[~is_off], (low + (images - low) / 0.8)[~is_off])


@pytest.mark.parametrize("columns", [None, [0, 2, 6]])
def test_the_gradient_of_a_submatrix_is_that_of_indexing(columns):
    torch.manual_seed(0)
    rows, columns = torch.tensor([1, 4]), None if columns is None else torch.tensor(columns)
    matrix = torch.randn(5, 7, dtype=torch.double, requires_grad=True)
    torch.testing.assert_close(
        Submatrix.apply(matrix, rows, columns), matrix[rows] if columns is None else matrix[rows][:, columns]
    )
    assert torch.autograd.gradcheck(lambda matrix: Submatrix.apply(matrix, rows, columns), matrix)


def perceptron(hidden_dropout: float, hidden: tuple = (40, 30)) -> Perceptron:
    torch.manual_seed(0)
    return Perceptron(28 * 28, list(hidden), 10, input_dropout=0.0, hidden_dropout=hidden_dropout)


def masked_logits(model: Perceptron, images: torch.Tensor, masks: list[torch.Tensor]) -> torch.Tensor:
    """Dropout by the book: all units are computed, the dropped ones multiplied by zero."""
    x = images.flatten(1)
    for layer, mask in zip(model.hidden, masks, strict=True):
        x = layer(x).relu() * mask * (len(mask) / mask.sum())
    return model.classifier(x)


def test_hidden_dropout_computes_what_masks_would(images):
    model = perceptron(0.5)
    torch.manual_seed(1)
    model(images).square().sum().backward()
    found = [parameter.grad.clone() for parameter in model.parameters()]
    torch.manual_seed(1)
    masks = []
    for layer in model.hidden:
        masks.append(torch.zeros(layer.out_features).index_fill(0, model._draw_units(layer.out_features, "cpu"), 1))
    assert [int(mask.sum()) for mask in masks] == [20, 15]
    model.zero_grad()
    torch.manual_seed(1)
    logits = masked_logits(model, images, masks)
    torch.testing.assert_close(model(images), logits)
    logits.square().sum().backward()
    torch.testing.assert_close(found, [parameter.grad for parameter in model.parameters()])


def test_hidden_dropout_drops_each_unit_alike():
    model = perceptron(0.25, hidden=(40,))
    drawn = torch.stack([torch.bincount(model._draw_units(40, "cpu"), minlength=40) for _ in range(4000)])
    assert (drawn.sum(1) == 30).all()
    assert (drawn.double().mean(0) - 0.75).abs().max() < 5 * (0.75 * 0.25 / 4000) ** 0.5


def test_dropout_drops_nothing_in_evaluation(images):
    model = perceptron(0.5).eval()
    everything = [torch.ones(layer.out_features) for layer in model.hidden]
    torch.testing.assert_close(model(images), masked_logits(model, images, everything))
    torch.testing.assert_close(PixelDropout(0.5).eval()(images), images)
