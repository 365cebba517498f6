"""What a teacher's stored logits are of: the views that a recipe shows, whichever recipes show them."""

import re

import pytest

from dark_knowledge.study.paths import WILDCARDS, views_name
from dark_knowledge.study.views import views_of

PLAIN = {"epochs": 10, "flip": False, "shift": 0, "learning_rate": 0.1}
NAMES = {
    "epochs1": {},
    "epochs10-flip": {"flip": True},
    "epochs10-shift2": {"shift": 2},
    "epochs10-flip-shift4-reflect-erase0.25-mixup1": {
        "flip": True,
        "shift": 4,
        "padding": "reflect",
        "erase": 0.25,
        "mixup": 1.0,
    },
    "epochs10-mixup1e-05": {"mixup": 1e-5},
}


@pytest.mark.parametrize("name", NAMES)
def test_names(name):
    assert views_name(views_of(PLAIN | NAMES[name])) == name
    assert re.fullmatch(WILDCARDS["views"], name)


@pytest.mark.parametrize("change", [{"learning_rate": 0.2}, {"schedule": "cosine"}, {"padding": "background"}])
def test_recipes_that_show_the_same_share_their_logits(change):
    assert views_of(PLAIN | {"flip": True} | change) == views_of(PLAIN | {"flip": True})


def test_how_an_image_that_does_not_move_would_be_padded_and_how_often_it_is_shown_as_it_is_make_no_difference():
    assert views_of(PLAIN | {"epochs": 20, "padding": "reflect"}) == views_of(PLAIN)


@pytest.mark.parametrize(
    "change", [{"epochs": 9}, {"flip": False}, {"shift": 1}, {"padding": "reflect"}, {"erase": 0.1}, {"mixup": 0.1}]
)
def test_every_other_view_is_another_stream(change):
    shown = PLAIN | {"flip": True, "shift": 2, "erase": 0.2, "mixup": 0.2}
    changed = views_of(shown | change)
    assert changed != views_of(shown)
    assert views_name(changed) != views_name(views_of(shown))
