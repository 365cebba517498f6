"""The mistakes of mistakes.py that are in what checks, computes and shows results: analysis, figures and pages."""

# ruff: noqa: E501
# fmt: off
ANALYSIS = "workflow/scripts/dark_knowledge/analysis"
FIGURES = "workflow/scripts/dark_knowledge/figures"
PAGES = "workflow/scripts/dark_knowledge/pages"
REPORT = "workflow/report"

IN_RESULTS = {
    f"{ANALYSIS}/records.py": [
        ('network_of(self.design, arm.model), "seed": seed, "data": self.data}', 'network_of(self.design, arm.model), "data": self.data}', "another seed's run is taken"),
        ('network_of(self.design, arm.model), "seed": seed, "data": self.data}', 'network_of(self.design, arm.model), "seed": seed}', "a run on other data is taken"),
        ('            "temperature": arm.temperature,\n', "", "a run at another temperature is taken"),
        ('            "recipe": self.design["recipes"][recipe_of(self.design, arm.model)],\n', "", "a run by another recipe is taken"),
        ('            "code": self.code,\n', "", "a run of other code is taken"),
        ('            "teacher_weights": self.run(teacher, filed_seed(self.design, teacher.model, seed))["files"]["weights"],\n', "", "another teacher's logits are taken"),
        ('            "teacher_logits": None if arm.teacher is None else self.teacher_logits(arm, seed)["logits"],\n', "", "a student of other logits is taken"),
        ("_compare(path, record, self.asked_of_logits(arm, seeds))\n        return path", "return path", "logits of other weights are taken"),
        ('for name in ("history", "steps"):', 'for name in ("steps",):', "another run's history is taken"),
        ("if found != asked:", "if found is not None and found != asked:", "a record that says nothing passes"),
        ('        expected["score_test_each_epoch"] = scores_test_each_epoch(self.design, arm.model)\n', "", "runs not scored on test by epoch are taken for scored ones"),
        ('[run["files"]["selected"] for run in runs]', '[run["files"]["weights"] for run in runs]', "selected weights held against last ones"),
    ],
    f"{ANALYSIS}/collecting.py": [
        ('    check_tensors(path, logits, record.get("sum"))\n', "", "edited logits are collected"),
        ("lineage(records.design, arm, [seed])", "[(arm, [seed])]", "a student of other weights of the same name is compared with a published one"),
        ('softmax(last, axis=1).max(1), last', 'softmax(last, axis=0).max(1), last', "confidence over the images"),
        ('correct = logits[f"{epoch}/{part}"].argmax(1)', 'correct = logits[f"last/{part}"].argmax(1)', "selected accuracies are the last ones"),
        ('prediction_rows(logits[f"{epoch}/test"], labels["test"])', 'prediction_rows(logits["last/test"], labels["test"])', "selected answers are the last ones"),
        ("measure(logits, other)", "measure(other, logits)", "the divergence of the teacher from the student"),
        ("for other, of_other in teacher.items() if other != seed]", "for other, of_other in teacher.items()]", "a teacher compared with itself too"),
        ("others = [teacher[seed if seed in teacher else ALL_SEEDS]]", "others = [next(iter(teacher.values()))]", "every student beside the first teacher"),
        ('class_error_rows(logits[f"last/{part}"], labels[part])', 'class_error_rows(logits[f"selected/{part}"], labels[part])', "errors of the selected epoch"),
        ("best = history.test_accuracy.idxmax()", "best = history.validation_accuracy.idxmax()", "best on test picked by validation"),
    ],
    f"{ANALYSIS}/results.py": [
        ("scores.dropna().mean().idxmax()", "scores.dropna().max().idxmax()", "the temperature of the luckiest seed"),
        ('values="last_validation_accuracy")', 'values="last_test_accuracy")', "the temperature chosen on the test set"),
        ("scores.dropna().mean().idxmax()", "scores.mean().idxmax()", "temperatures over unequal seeds"),
        ('last = [("epoch", "==", "last")]', 'last = [("epoch", "==", "selected")]', "answers of the selected epoch"),
        ("return (a - b).to_numpy(float)", "return (b - a).to_numpy(float)", "all differences reversed"),
        ("return beside(taught, seeds).loc[seeds]", "return beside(taught, seeds).iloc[: len(seeds)].set_axis(seeds)", "teachers by place, not by seed"),
    ],
    f"{ANALYSIS}/statistics.py": [
        ("half = stats.t.ppf((1 + confidence) / 2, n - 1) * values", "half = stats.t.ppf(confidence, n - 1) * values", "one-sided limits: a 90 % interval"),
        ("values.std(ddof=1) / np.sqrt(n)\n    return", "values.std() / np.sqrt(n)\n    return", "the spread by n"),
        ("half = (high - mean) * np.sqrt(1 + n / more)", "half = (high - mean) * np.sqrt(n / more)", "one more run without the mean's own noise"),
        ("np.cov(pairs) / n", "np.cov(pairs)", "the variance of a run for that of a mean"),
        ("n_resamples=MOST_FLIPS, batch", 'n_resamples=MOST_FLIPS, alternative="greater", batch', "a one-sided p"),
        ("return max(2 / 2 ** int(n)", "return max(1 / 2 ** int(n)", "the least p of a one-sided test"),
        ("factors = len(order) - np.arange(len(order))", "factors = np.full(len(order), len(order))", "Bonferroni for Holm"),
        ("np.maximum.accumulate(adjusted[order] * factors)", "adjusted[order] * factors", "Holm's p out of order"),
        ("stats.binomtest(only_a, discordant)", 'stats.binomtest(only_a, discordant, alternative="greater")', "a one-sided McNemar test"),
        ("(point / 2 if only_a == only_b else point)", "point / 2", "mid-p less half of what is due"),
        ("stats.pearsonr(total, difference)", "stats.pearsonr(a, b)", "p of the correlation, not of the variances"),
        ("stats.t.ppf(1 - level / 2, n - 1)", "stats.t.ppf(1 - level, n - 1)", "seeds for a one-sided test"),
        ("n * of_seed.mean()) / (n - 2)", "n * of_seed.mean()) / (n - 1)", "pseudo-values too small"),
        ("np.heaviside(above, 0.5)", "np.heaviside(above, 0)", "ties count against the student"),
    ],
    f"{ANALYSIS}/image_noise.py": [
        ("max(values.std(ddof=1) / np.sqrt(n), ", "max(values.std(ddof=1), ", "the spread for the standard error"),
        ("max(p, sign_flip_p(values - reference)))", "p)", "p below that of the seeds alone"),
        ("share_beyond(abs(mean - reference)", "share_beyond(abs(mean)", "tested against zero whatever the reference"),
        ("np.asarray(differences, dtype=float).mean(axis=0)", "np.asarray(differences, dtype=float).sum(axis=0)", "noise of all seeds together for their mean's"),
        ("np.cov(by_seed.T)) / n", "np.cov(by_seed.T))", "the spread of a seed for that of the mean"),
        ("p = 2 * min(", "p = min(", "a one-sided p"),
        ("((least, 0.975), (most, 0.025))", "((least, 0.95), (most, 0.05))", "a 90 % interval"),
        ("if n < 2 or np.isnan(mean):", "if np.isnan(mean):", "one seed gets a verdict's numbers"),
    ],
    f"{ANALYSIS}/measures.py": [
        ("wrong_a * wrong_b + (1 - wrong_a) * (1 - wrong_b)", "wrong_a * wrong_b", "agreement by chance without what both get right"),
        ("np.sqrt(max(divergence, 0) / np.log(2))", "np.sqrt(max(divergence, 0))", "nats for bits"),
        ("(2 * np.arange(k) + 1 - k)", "(2 * np.arange(k) - k)", "equal counts are not of Gini 0"),
        ("np.log(counts.shape[-1])", "np.log(2)", "entropy in bits, not over its largest"),
        ("np.abs(binned.accuracy - binned.confidence)", "(binned.accuracy - binned.confidence)", "too sure and not sure enough cancel out"),
        ("(residual**2).sum() / (last - 2)", "(residual**2).sum() / (last - 1)", "a line takes one degree of freedom"),
        ("float(reached[0] + 1)", "float(reached[0])", "epochs counted from 0"),
        ("np.trapezoid(error) / (len(error) - 1)", "np.trapezoid(error) / len(error)", "area over one epoch too many"),
        ("np.linspace(0, 1, bins + 1)[1:-1], right=True", "np.linspace(0, 1, bins + 1)[1:-1], right=False", "bins hold their lower edge"),
    ],
    f"{ANALYSIS}/accuracy.py": [
        ("ratio_interval(gains, gaps)", "ratio_interval(gaps, gains)", "the share upside down"),
        ('row |= {f"{column}_{end}": getattr(interval, end)', 'row |= {f"{column}_{end}": getattr(interval, {"low": "high", "high": "low"}.get(end, end))', "the ends of intervals swapped"),
        ('return row.role in ("teacher", "baseline") or row.chosen', "return True", "a published student beside every temperature and control"),
        ("gap = difference(taught, baseline)", "gap = difference(teacher, baseline)", "gain and gap over unequal seeds"),
        ("gained, taught = paired(gained, teacher)", "taught = teacher", "a control of more seeds than the teacher stops the tables"),
        ("([figures[role] - figures.baseline] for role in (\"student\", \"teacher\"))", "([figures[role] - figures.baseline] for role in (\"teacher\", \"student\"))", "published gain and gap swapped"),
    ],
    f"{ANALYSIS}/bias_correction.py": [
        ("prior_shift(validation, classes, prior)", "prior_shift(test, classes, prior)", "the label-free shift is found on the test images"),
        ("moved[:, classes] += shift", "moved[:, classes] -= shift", "biases shifted the other way"),
        ("best[np.abs(best).argmin()]", "best[0]", "of equal shifts the lowest"),
    ],
    f"{ANALYSIS}/claim_accuracy.py": [
        ("ratio_interval(student - baseline, ", "ratio_interval(student - teacher, ", "the share of another gain"),
        ("+ of_baseline) / 2 - of_student)", "+ of_baseline) - of_student)", "noise of the sum for that of the middle"),
        ("np.maximum(seeds_and_images(values, noise).p, leading.p)", "seeds_and_images(values, noise).p", "a side that is chance is the teacher's"),
        ('"nats", 1, -1, digits=4)', '"nats", 1, 1, digits=4)', "a higher likelihood is claimed to be worse"),
        ("100 * flipped_images(wrong_baseline.astype(float) - wrong_student)", "flipped_images(wrong_baseline.astype(float) - wrong_student)", "image noise as a share beside percent"),
        ("(teacher + baseline) / 2)", "(teacher - baseline) / 2)", "half the lead for the middle"),
    ],
    f"{ANALYSIS}/claim_errors.py": [
        ('limit = e.settings["alike"] ** 2', 'limit = e.settings["alike"]', "the limit not squared"),
        ('"errors", *of_class, sign=-1,\n        decides=True', '"errors", *of_class, sign=1,\n        decides=True', "more errors on the hardest class support the claim"),
        ("change[:, labels == other]", "change[:, labels != other]", "image noise of the other classes"),
        ('"Gini coefficient of the test errors per class", "", -1,', '"Gini coefficient of the test errors per class", "", 1,', "less even errors support the claim"),
        ("thinned = at_equal_counts(np.broadcast_to(counts, (THINNINGS, *counts.shape)))", "thinned = counts[None]", "evenness at unequal numbers of errors"),
        ("for own in counts)\n    wrong_baseline", "for own in reversed(counts))\n    wrong_baseline", "the shares of baseline and student swapped"),
        ("wrong_student.astype(float) - wrong_baseline, labels_of(e)", "wrong_student.astype(float) - wrong_baseline, np.sort(labels_of(e))", "images under other images' classes"),
    ],
    f"{ANALYSIS}/claim_learning.py": [
        ("sign=-1, decides=measure is area)", "sign=1, decides=measure is area)", "slower learning supports the claim"),
        ('decides=measure == "sd"', 'decides=measure == "mean_change"', "claim 2b decided by its other row"),
        ("decides = losses is batches", "decides = losses is not batches", "claim 2a decided by the epochs' means"),
        ("arm, accuracy / 100)", "arm, accuracy)", "no run reaches 90 for 90 %"),
        ("steps[steps.epoch >= epochs - last]", "steps[steps.epoch >= epochs - last - 1]", "an epoch too many"),
        ('by_seed(e.runs, arm, "last_train_accuracy") for arm in (e.student, e.baseline))', 'by_seed(e.runs, arm, "selected_train_accuracy") for arm in (e.student, e.baseline))', "fit at the selected epoch"),
    ],
    f"{ANALYSIS}/claim_quantities.py": [
        ("self.published.get(of, {}).get(column, np.nan) - self.published.get(over, {}).get(column, np.nan)", "self.published.get(over, {}).get(column, np.nan) - self.published.get(of, {}).get(column, np.nan)", "published leads reversed"),
        ("values, baseline=baseline.mean(), student=student.mean()", "values, baseline=student.mean(), student=baseline.mean()", "baseline and student swapped"),
    ],
    f"{ANALYSIS}/claims.py": [
        ('row.p_holm <= settings["level"]', 'row.p <= settings["level"]', "verdicts without Holm's correction"),
        ("(row.effect > row.reference)", "(row.effect > 0)", "claim 4 judged against zero"),
        ('row.n >= settings["fewest_seeds"]', 'row.n > settings["fewest_seeds"]', "one seed more than the rule says"),
        ('"baseline": quantity.baseline,\n        "student": quantity.student', '"baseline": quantity.student,\n        "student": quantity.baseline', "baseline and student swapped in the table"),
        ("holm(table.p[decides])", "holm(table.p)[decides]", "corrected for all quantities, not for those that decide"),
        ("p_text=table.p.map(show_p)", "p_text=table.p_holm.map(show_p)", "Holm's p under the name of p"),
        ("published=published[experiment],", "published=next(iter(published.values())),", "the first experiment's published figures for all"),
    ],
    f"{ANALYSIS}/class_errors.py": [
        ('"validation").mean().idxmax()', '"validation").mean().idxmin()', "the easiest class for the hardest"),
        ("paired(own[label], baseline[label])", "paired(baseline[label], own[label])", "the differences per class reversed"),
        ('class_error_counts(class_errors, baseline, "validation").mean()', 'class_error_counts(class_errors, baseline, "test").mean()', "the hardest class chosen on the test set"),
        ("100 * given[label] / taken.sum(axis=1)", "100 * given[label] / given.sum(axis=1)", "recall for precision"),
        ('"p": p[label], "p_holm": p_holm}', '"p": p_holm, "p_holm": p[label]}', "the two p swapped"),
    ],
    f"{ANALYSIS}/controls.py": [
        ("students.get(control.temperature, chosen)", "chosen", "a control beside a student of another temperature"),
        ('"p": sign_flip_p(lead)', '"p": sign_flip_p(gain)', "p of the other difference"),
    ],
    f"{ANALYSIS}/losses.py": [
        ("lead = difference(own, of_reference)", "lead = difference(own, of_baseline)", "the lead over the baseline for that over the student"),
        ("reference = students.get(arm.temperature, chosen)", "reference = chosen", "a loss beside a student of another temperature"),
    ],
    f"{ANALYSIS}/convergence.py": [
        ("costs.total_seconds[run.seed] + run.caching_seconds", "costs.total_seconds[run.seed]", "storing logits is free"),
        ("int(epoch) if reached else len(history) + 1", "int(epoch) if reached else len(history)", "who never reaches it reached it at the end"),
        ("history = history[history.seed == run.seed]", "history = history[history.seed == history.seed.min()]", "the first seed's curve for all"),
        ('row["reached"] = times.reached.sum()', 'row["reached"] = len(times)', "every run reached it"),
    ],
    f"{ANALYSIS}/costs.py": [
        ('for part in ("own", "teacher", "caching")]', 'for part in ("own", "teacher")]', "storing logits is left out of the total"),
        ("taught.multiply_adds * own.caching_images", "own.multiply_adds * own.caching_images", "the student's arithmetic for the teacher's"),
        ('costs["teacher_seconds"] = teaching.total_seconds', 'costs["teacher_seconds"] = teaching.own_seconds', "a teacher's own teacher is free"),
        ("runs.multiply_adds * runs.steps * runs.batch_size", "runs.multiply_adds * runs.steps", "images of a batch of one"),
        ("extra.total_seconds / 60", "extra.total_seconds", "seconds for minutes"),
        ("if (members := members_of(runs, arm)) is not None:", "if (members := None) is not None:", "the teachers of an ensemble's members are free"),
    ],
    f"{ANALYSIS}/payoff.py": [
        ("student.teacher_key not in made_from(runs, arm)", "student.teacher_key != arm.teacher_key", "taught through an assistant counts as without the teacher"),
        ("scores.loc[scores.index.isin(seeds)].mean()", "scores.mean()", "the rival is sought over seeds that the student has not"),
    ],
    f"{ANALYSIS}/error_sets.py": [
        ("baseline & ~student, ~baseline & student", "~baseline & student, baseline & ~student", "repaired and broken swapped"),
        ("matrix[~np.eye(n, dtype=bool)].mean()", "matrix.mean()", "a run beside itself counts"),
        ("mcnemar(baseline.loc[seed], student.loc[seed])", "mcnemar(student.loc[seed], baseline.loc[seed])", "the two nets swapped"),
        ("matrix[:n, n:], matrix[:n, :n], matrix[n:, n:]", "matrix[:n, :n], matrix[:n, n:], matrix[n:, n:]", "between and within swapped"),
    ],
    f"{ANALYSIS}/paper.py": [
        ('errors[errors.epoch == entry.get("epoch", "last")]', 'errors[errors.epoch == "last"]', "the last epoch under the name of the selected one"),
        ("mean_interval(values, 1 - 0.05 / pairs)", "mean_interval(values)", "the interval of one difference for the largest of many"),
        ("min(1, pairs * sign_flip_p(values))", "sign_flip_p(values)", "p of one difference for the largest of many"),
        ("np.nanmax(np.abs([mean, low, high]))", "np.nanmax([mean, low, high])", "the largest signed difference for the largest"),
        ("for arm in ordered], axis=1).dropna()", "for arm in ordered], axis=1)", "widths over unequal seeds"),
        ("run_low <= published <= run_high", "low <= published <= high", "a run of the paper's beside the interval of our mean"),
    ],
    f"{ANALYSIS}/reproduction.py": [
        ("    if unlike == []:\n", "    if unlike is None:\n", "other images of the same name are compared with published ones"),
    ],
    f"{ANALYSIS}/runs.py": [
        ("show_whole(table.selected_epoch + 1)", "show_whole(table.selected_epoch)", "the selected epoch counted from 0"),
    ],
    f"{FIGURES}/accuracy.py": [
        ('by_seed(runs, arm, f"last_{part}_accuracy") for arm in (teacher, baseline, *students)', 'by_seed(runs, arm, "last_test_accuracy") for arm in (teacher, baseline, *students)', "test accuracies under the title validation"),
    ],
    f"{FIGURES}/errors.py": [
        ('shares["student"] - shares["baseline"]', 'shares["baseline"] - shares["student"]', "the difference of the confusions reversed"),
        ("np.add.at(counts, (labels, predictions), 1)", "np.add.at(counts, (predictions, labels), 1)", "true and predicted classes swapped"),
        ("rows.p_holm <= level", "rows.p <= level", "filled dots without Holm's correction"),
    ],
    f"{FIGURES}/images.py": [
        ('(wrong["b"] & ~wrong["s"], baseline)', '(~wrong["b"] & wrong["s"], baseline)', "broken images under the title repaired"),
    ],
    f"{FIGURES}/learning.py": [
        ('{"hard_loss": "Hard labels: cross-entropy", "soft_loss": ', '{"soft_loss": "Hard labels: cross-entropy", "hard_loss": ', "the two losses under each other's title"),
        ("epochs.assign(epoch=epochs.epoch + 1)", "epochs", "epochs counted from 0 in the figures"),
    ],
    f"{FIGURES}/paper.py": [
        ("100 - stopped.selected_test_accuracy", "100 - stopped.last_test_accuracy", "the last epoch's errors at the selected epoch"),
    ],
    f"{PAGES}/curves.py": [
        ("ends = np.sort(epochs.epoch.unique()) + 1", "ends = np.sort(epochs.epoch.unique())", "an epoch's values at its beginning"),
        ("int(run.steps // run.epochs)", "int(run.steps)", "steps of all epochs for those of one"),
    ],
    f"{PAGES}/explorer.py": [
        ('"label": labels[order].tolist()', '"label": labels[: len(order)].tolist()', "images under other images' labels"),
        ("(logits[place][:, images] for place in teachers)", "(logits[place][:, images] for place in range(len(teachers)))", "soft targets of arms that do not teach"),
        ('"compared": [chosen, baseline]', '"compared": [baseline, chosen]', "student and baseline swapped on the page"),
        ("return order[right[order] < 1]", "return order[(right[order] > 0) & (right[order] < 1)]", "images that every run gets wrong are left out"),
    ],
    f"{PAGES}/provenance.py": [
        ('set(full["seeds"]) - set(config["seeds"])', 'set(config["seeds"]) - set(full["seeds"])', "missing seeds go unsaid"),
        ('if epochs < recipe["epochs"]:', 'if epochs > recipe["epochs"]:', "a shorter training goes unsaid"),
    ],
    f"{PAGES}/rendering.py": [
        ("(60 + 54 * (value - reference) / half", "(60 + 54 * value / half", "claim 4's interval drawn about zero"),
        ("'<rect x=\"60\" width=\"60\" height=\"14\" fill=\"#e4eef7\"/>'", "'<rect width=\"60\" height=\"14\" fill=\"#e4eef7\"/>'", "the side not claimed is shaded"),
    ],
    f"{PAGES}/claims.py": [
        ('{"baseline and student": Arm(settings["student"]), "teacher": arm_named(config, settings["teacher"])}', '{"teacher": Arm(settings["student"]), "baseline and student": arm_named(config, settings["teacher"])}', "the two recipes told of each other's network"),
        ("(shown.experiment == experiment) & shown.decides", "shown.decides", "the verdicts of the last experiment under each name"),
    ],
    f"{PAGES}/summary.py": [
        ("gain = gains[gains.chosen].iloc[0]", "gain = gains.iloc[0]", "the gain of the lowest temperature for the chosen one's"),
        ("(errors.label == hardest)", "(errors.label == errors.label.max())", "errors of the last class under the hardest one's name"),
    ],
    f"{REPORT}/summary.html.j2": [
        ('experiments | selectattr("n", "ge", fewest_seeds)', 'experiments | selectattr("n", "ge", 1)', "verdicts of fewer seeds than the rule asks for"),
        ('{% set row = experiment.verdicts[claim] %}', '{% set row = experiments[0].verdicts[claim] %}', "the first experiment's verdicts for all"),
        ("{% elif experiment.gain_low > 0 %}", "{% elif experiment.gain_high > 0 %}", "an interval over zero is said to lie above it"),
        ("the teacher reaches {{ experiment.teacher }}, the baseline\n{{ experiment.baseline }}", "the teacher reaches {{ experiment.baseline }}, the baseline\n{{ experiment.teacher }}", "teacher and baseline swapped in the text"),
    ],
    f"{REPORT}/claims.html.j2": [
        ("{{ effect(row) }}<td>{{ row.p_text }}<br>", "{{ effect(row) }}<td>{{ row.p_holm_text }}<br>", "Holm's p for p on the page"),
    ],
}
