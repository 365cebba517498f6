"""What docs/losses.md says stands in the tables of the study losses."""

import re

from dark_knowledge.analysis.formats import show_difference, show_interval, show_p
from dark_knowledge.analysis.statistics import holm, mean_interval, sign_flip_p

from .pages import on_one_line, percent_correct, read, table


def test_the_table_of_losses_is_of_the_committed_tables():
    """In the table's order; intervals of differences from Hinton's, and p by Holm."""
    page = read("docs/losses.md")
    losses = table("losses", "losses")
    shown = [row.split(" | ")[1:] for row in re.findall(r"^\| (.*) \|$", page, re.MULTILINE)[3:]]
    assert shown == [
        [
            f"{row.temperature:g}",
            show_interval(row.accuracy, row.accuracy_high),
            show_difference(row.gain, row.gain_high),
            show_difference(row.arm_minus_student, row.arm_minus_student_high),
            show_p(row.p),
            show_p(p),
        ]
        for row, p in zip(losses.itertuples(), holm(losses.p.to_numpy()), strict=True)
    ]
    assert losses.gain_low.gt(0).tolist() == (losses.loss == "dist").tolist()
    assert losses.arm_minus_student.lt(0).tolist() == (losses.loss != "dist").tolist()
    accuracy = table("losses", "accuracy").set_index("role")
    teacher, labels, student = (
        show_interval(accuracy.last_test_accuracy_mean[role], accuracy.last_test_accuracy_high[role])
        for role in ("teacher", "baseline", "student")
    )
    text = on_one_line("docs/losses.md")
    assert f"The teacher reaches {teacher} %, the net on labels {labels} %." in text
    lead = table("losses", "gap_recovered").set_index("arm")
    hinton, dist = lead.loc["student, T = 4"], lead.loc["dist"]
    gain = show_difference(hinton.gain, hinton.gain_high)
    assert f"| 4 | {student} | {gain} |" in page
    assert f"Hinton's loss gains ({gain})" in text
    shares = [f"{share:.0f}" for share in (dist.recovered, dist.recovered_low, dist.recovered_high)]
    assert "{} % of the teacher's lead ({} to {} %)".format(*shares) in text
    for study, words in (
        ("note", "Hinton's at T = 2 is ahead of T = 4 by {} in the"),
        ("note-earlier", "and by {} in [its"),
    ):
        accuracy = percent_correct(study, "student")
        warmer = accuracy["resnet_T2_w0.1"] - accuracy["resnet_T4_w0.1"]
        ahead = mean_interval(warmer)
        assert words.format(show_difference(ahead.mean, ahead.high)) in text
        assert f"(p = {show_p(sign_flip_p(warmer))})" in text
