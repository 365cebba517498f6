"""Which images a student learns from, and whose soft targets."""

import pytest
import torch

from dark_knowledge.command import InputError
from dark_knowledge.training.losses import learn_from_labels
from dark_knowledge.training.transfer_sets import chosen_images, shuffled_images

LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize(
    ("settings", "classes"), [({}, {0, 1, 2}), ({"omit_classes": [1]}, {0, 2}), ({"only_classes": [1, 2]}, {1, 2})]
)
def test_a_transfer_set_has_all_images_of_its_classes_and_no_other(settings, classes):
    chosen = chosen_images(LABELS, settings, seed=0)
    assert chosen.tolist() == [label in classes for label in LABELS.tolist()]


def test_a_drawn_part_has_its_size_its_proportions_and_its_seed(data):
    draws = [chosen_images(data.train_labels, {"images": 50}, seed) for seed in (0, 0, 1)]
    assert all(draw.sum() == 50 for draw in draws)
    shares = torch.bincount(data.train_labels) / len(data.train_labels)
    counts = torch.bincount(data.train_labels[draws[0]], minlength=10)
    assert (counts - 50 * shares).abs().max() < 1
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_a_share_is_that_part_of_the_training_images_whatever_the_data_set(data):
    chosen = chosen_images(data.train_labels, {"share": 0.3}, seed=4)
    assert torch.equal(chosen, chosen_images(data.train_labels, {"images": round(0.3 * len(chosen))}, seed=4))
    with pytest.raises(InputError, match="a transfer set: of 12 images, 1 cannot be drawn"):
        chosen_images(LABELS, {"share": 0.1}, seed=0)


def test_more_images_than_there_are_cannot_be_drawn():
    with pytest.raises(InputError, match="asks for 12 images; allowed: 1 to 11"):
        chosen_images(LABELS, {"images": 12}, seed=0)


@pytest.mark.parametrize("within_class", [True, False])
def test_shuffled_soft_targets_come_from_another_image(within_class):
    partner = shuffled_images(LABELS, within_class, seed=0)
    assert sorted(partner.tolist()) == list(range(12))
    assert (partner != torch.arange(12)).all()
    assert torch.equal(LABELS[partner], LABELS) is within_class
    assert not torch.equal(partner, shuffled_images(LABELS, within_class, seed=1))


def test_no_image_of_an_omitted_class_reaches_the_student(data, run):
    labels, seen = learn_from_labels(data.train_labels, 0), []

    def supervision(logits, epoch, index, mix):
        seen.append(data.train_labels[index])
        return labels(logits, epoch, index, mix)

    chosen = chosen_images(data.train_labels, {"omit_classes": [3]}, seed=0)
    run(supervision=supervision, transfer_set=chosen)
    assert len(seen) == 2 * (int(chosen.sum()) // 50)
    assert set(torch.cat(seen).tolist()) == set(range(10)) - {3}
