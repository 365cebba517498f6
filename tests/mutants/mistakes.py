"""Mistakes that a tired engineer makes, one place each: by file, the right text, the wrong text, and what it would do.

Most were written by reading the code alone, without its tests. Those of analysis, figures and pages are in a list of
their own, mistakes_in_results.py.
"""

# ruff: noqa: E501
# fmt: off
from tests.mutants.mistakes_in_results import IN_RESULTS

SCRIPTS = "workflow/scripts"
LIBRARY = f"{SCRIPTS}/dark_knowledge"
RULES = "workflow/rules"

MISTAKES = {
    "workflow/Snakefile": [
        ("        rules.results.input,\n", "", "what a failed job removed is never made again once there is a report"),
    ],
    f"{RULES}/common.smk": [
        ("seed = arms.filed_seed(config, teacher.model, wildcards.seed)", "seed = config[\"seeds\"][0]", "every student taught by one seed's teacher"),
        ('[name].format(seed=seed)', '[name.replace("weights", "selected")].format(seed=seed)', "the teacher's selected weights teach"),
        ('values()), seed=config["seeds"])}', 'values()), seed=config["seeds"][:1] * len(config["seeds"]))}', "an ensemble of one run, many times"),
        ('return as_json(config["transfer_sets"][name] if name else {})', "return as_json({})", "transfer sets in the names of runs alone"),
        ("seed=SEEDS[wildcards.model, wildcards.supervision],", 'seed=config["seeds"],', "an experiment's own seeds scored as the study's"),
        ('return teacher_logits if config["keep_teacher_logits"] else temp(teacher_logits)', 'return temp(teacher_logits) if config["keep_teacher_logits"] else teacher_logits', "teachers' logits removed where they are to be kept"),
        ("    config = checking.canonical(config)\n", "", "the same configuration in another order trains all again"),
        ("return as_json(arms.network_of(config, model))", 'return as_json(config["models"][model])', "a network without its members or its code's hash"),
        ('[{"experiment": name} for name in EXPERIMENTS],', '[{"experiment": name} for name in EXPERIMENTS[:1]],', "figures of the other experiments are not asked for again"),
    ],
    f"{RULES}/data.smk": [
        ('split=as_json(config["split"]),\n        script=scripts("prepare_dataset.py")', 'split=as_json(config["split"] | {"seed": 0}),\n        script=scripts("prepare_dataset.py")', "the split's seed lost"),
        ('code=code("prepare_dataset.py"),\n    shell:\n        "python {params.script:q}"\n        " --train-images {input.train_images:q} --train-labels {input.train_labels:q}"', 'code=code("prepare_dataset.py"),\n    shell:\n        "python {params.script:q}"\n        " --train-images {input.test_images:q} --train-labels {input.test_labels:q}"', "trained on the test images"),
        ('        code=code("prepare_dataset.py"),\n', "", "a mended preparation prepares nothing again"),
    ],
    f"{RULES}/training.smk": [
        ('" --seed {wildcards.seed}"\n        " {params.supervision}', '" --seed 0"\n        " {params.supervision}', "every run is of seed 0"),
        ('        " {params.score_test}"\n', "", "no run is scored on the test set by epoch"),
        ('" {params.score_test}"\n        " --accelerator {params.accelerator} --precision {params.precision}', '" {params.score_test}"\n        " --accelerator {params.accelerator} --precision auto', "the precision asked for is lost"),
        ("{params.supervision}{params.loss}", "{params.supervision}", "every loss is Hinton's"),
        ("loss=lambda wildcards: loss", "loss=lambda wildcards, input: loss", "other settings of a loss train nothing again"),
        ('        code=code("train_model.py"),\n', "", "an edited training trains nothing again"),
        ('        code=code("cache_teacher_logits.py"),\n', "", "teachers' logits of the code before"),
        ("logits, seed=wildcards.seed, **taught_from", 'logits, seed=config["seeds"][0], **taught_from', "every student taught on one seed's stream"),
        ('" --seed {wildcards.seed}"\n        " {params.source:q}"', '" --seed 0"\n        " {params.source:q}"', "an ensemble's record under another seed"),
        ('f"--temperature {wildcards.temperature} --hard-weight {wildcards.hard_weight}', 'f"--temperature {wildcards.hard_weight} --hard-weight {wildcards.temperature}', "temperature and hard weight swapped"),
        ('transfer_set=lambda wildcards: transfer_set(wildcards.on),\n        split_seed=config["split"]["seed"],\n        score_test', 'transfer_set=lambda wildcards: transfer_set(""),\n        split_seed=config["split"]["seed"],\n        score_test', "no transfer set"),
        ('transfer_set=lambda wildcards: transfer_set(wildcards.on),\n        split_seed=config["split"]["seed"],\n        accelerator', 'transfer_set=lambda wildcards: transfer_set(""),\n        split_seed=config["split"]["seed"],\n        accelerator', "logits of all images for a drawn part"),
        ("arms.scores_test_each_epoch(config, wildcards.model)", "True", "the test set scored for every model"),
        ("views=lambda wildcards: as_json(VIEWS[wildcards.views]),", "views=lambda wildcards: as_json(views_of(config['recipes'][recipe_of(arms.arm_named(config, wildcards.teacher).model)])),", "the teacher's views for the student's"),
        ('" --views {params.views:q}"\n        " --seed {wildcards.seed}"', '" --views {params.views:q}"\n        " --seed 0"', "logits on the stream of seed 0"),
    ],
    f"{RULES}/evaluation.smk": [
        ('        code=code("evaluate_runs.py"),\n', "", "logits of the code before"),
        ('split_seed=config["split"]["seed"]', 'split_seed=config["seeds"][0]', "another draw of the transfer set is scored"),
        ('["metrics"], seed=seeds)', '["metrics"], seed=seeds[:1])', "a retrained seed collects nothing again"),
        ("                for seed in seeds\n            }", "                for seed in seeds[:1]\n            }", "a teacher's logits made again collect nothing again"),
        ("        logits=[logits_of(arm) for arm in ARMS],\n        # One", "        # One", "logits made again collect nothing again"),
        ('        code=code("collect_results.py"),\n', "", "tables of the code before"),
        ("transfer_set=lambda wildcards: transfer_set(learned_from(wildcards))", "transfer_set=lambda wildcards: transfer_set(wildcards.model)", "transfer set lost in scoring"),
    ],
    f"{RULES}/analysis.smk": [
        ("as_json(arms.published_of(config)[wildcards.experiment])", "as_json(arms.published_of(config)[EXPERIMENTS[0]])", "the first experiment's published class in all drawings"),
        ('level=config["claims"]["level"]', 'level=config["claims"]["alike"]', "drawings at another level"),
        ('        code=code("make_tables.py"),\n', "", "tables of the statistics before"),
        ('collected=subpath(input[0], parent=True),\n        classes=as_json(DATASET["classes"])', 'collected=subpath(input[0], parent=True),\n        classes=as_json(sorted(DATASET["classes"]))', "classes in alphabetical order in the figures"),
    ],
    f"{RULES}/report.smk": [
        ("collected=rules.collect_results.output.arms,\n    output:", "collected=rules.save_design.output,\n    output:", "config.json of results that are not there yet"),
        ("            rules.write_claims.output,\n", "", "the report has the verdicts of before"),
        ("figures=[expand(rules.plot_experiment.output, experiment=EXPERIMENTS),", "figures=[expand(rules.plot_experiment.output, experiment=EXPERIMENTS[:1]),", "the summary with figures of before"),
        ('        code=code("judge_claims.py"),\n', "", "verdicts of the code before"),
    ],
    f"{SCRIPTS}/train_model.py": [
        ("        soft_loss=soft_loss_of(arguments.loss),\n", "", "every loss is Hinton's"),
        ('"loss": arguments.loss,', '"loss": {},', "the record says that the loss is Hinton's"),
        ('"teacher_logits": logits and checked_sum(logits, logits.with_suffix(".json"), "logits")', '"teacher_logits": logits and str(logits)', "a checkpoint goes on with another teacher's logits"),
        ('checked_sum(logits, logits.with_suffix(".json"), "logits")', "sha256(logits)", "a student learns from damaged soft targets"),
        ('"data": sha256(arguments.data)', '"data": arguments.data', "a checkpoint goes on with other data"),
        ("steps_per_epoch(int(transfer_set.sum()), recipe)", "steps_per_epoch(len(transfer_set), recipe)", "steps of images never learned from"),
        ("time.perf_counter() - started - compute.waited", "time.perf_counter() - started", "the wait for a GPU is a training's cost"),
        ('"seconds": history.seconds.sum()', '"seconds": history.seconds.iloc[-1]', "seconds of the last epoch"),
        ('"selected_epoch": progress.selected_epoch,', '"selected_epoch": progress.selected_epoch + 1,', "selected epochs counted from 1 where others are from 0"),
        ("history.images_per_second.median()", "history.images_per_second.max()", "the speed of the fastest epoch"),
        ('"--always", "--dirty", ', '"--always", ', "an edited checkout passes for its commit"),
        ('torch_seed("weights", arguments.seed)', 'torch_seed("weights", arguments.split_seed)', "all seeds begin with the same weights"),
        ("    model.load_state_dict(progress.selected_weights)\n", "", "the last weights stored as the selected ones"),
        ("transfer_set=transfer_set.to(compute.device),", "", "the transfer set is not passed on"),
        ("        hard_weight=arguments.hard_weight,\n        label_smoothing=recipe.label_smoothing,", "        hard_weight=arguments.hard_weight,", "label smoothing lost where a teacher teaches"),
    ],
    f"{SCRIPTS}/evaluate_runs.py": [
        ("        load_weights(model, weights)\n", "", "untrained networks are scored"),
        ("[name] for name in record)", "[name] for name in reversed(record))", "last and selected swapped"),
        ("append(tensors, \"selected\", logits if same else logits_of(selected))", "append(tensors, \"selected\", logits)", "the selected epoch's logits are the last one's"),
        ('checked_sum(folder / RUN_FILES[name], folder / RUN_FILES["metrics"], "files", name)', "sha256(folder / RUN_FILES[name])", "weights that were edited are scored"),
        ('{"transfer_set": chosen}', '{"transfer_set": ~chosen}', "training accuracy of the images left out"),
        ('tensors[f"{epoch}/{part}"].append(logits[part])', 'tensors[f"{epoch}/{part}"].append(logits["test" if part == "validation" else part])', "validation logits are those of the test set"),
    ],
    f"{SCRIPTS}/cache_teacher_logits.py": [
        ("    load_weights(teacher, arguments.weights)\n", "", "an untrained teacher"),
        ("stream, arguments.seed, epoch, compute, images)", "stream, arguments.seed, 0, compute, images)", "the stream of epoch 0 for all epochs"),
        ('"images": len(logits) * len(logits[0])', '"images": len(logits[0])', "images of one epoch"),
    ],
    f"{SCRIPTS}/assemble_run.py": [
        ("load_file(member / RUN_FILES[name])", "load_file(members[0] / RUN_FILES[name])", "every member is the first"),
        ("of_members(members, name)", 'of_members(members, "weights")', "the selected ensemble has last weights"),
        ('"multiply_adds", "seconds", "start_up_seconds")', '"multiply_adds", "start_up_seconds")', "an ensemble takes the seconds of one member"),
        ('("validation_accuracy", "selected_epoch",', '("validation_accuracy",', "an ensemble has its first member's selected epoch"),
        ('[of_member["files"]["weights"] for of_member in metrics]', '[of_member["files"]["selected"] for of_member in metrics]', "the record names weights that are not in the ensemble"),
    ],
    f"{SCRIPTS}/make_tables.py": [
        ('"error_similarity", error_sets.similarity_table(results)', '"error_similarity", error_sets.outcome_table(results)', "the CSV of another table"),
        ("accuracies.gap_table(results, figures)", "accuracies.gap_table(results, figures.iloc[:0])", "the published gain lost"),
        ('asked["validation_accuracies"])', "[90, 92, 93])", "thresholds of the default study"),
        ("class_errors.hardest_class_table(results, classes, published)", "class_errors.hardest_class_table(results, classes[::-1], published)", "names of the hardest class reversed"),
    ],
    f"{SCRIPTS}/judge_claims.py": [
        ('["classes"]\n', '["classes"][::-1]\n', "names of classes reversed in the claims"),
        ("published_of(config), config", "{name: {} for name in results.experiments}, config", "claims without their published figures"),
    ],
    f"{SCRIPTS}/plot_experiment.py": [
        ('data.get_tensor("test_images")', 'data.get_tensor("validation_images")', "the gallery shows other pictures"),
        ('hardest_class(class_errors, arm_of(arms, "baseline")', 'hardest_class(class_errors, arm_of(arms, "teacher")', "the teacher's hardest class is drawn"),
    ],
    f"{SCRIPTS}/write_summary.py": [
        ('arguments.figures / name / f"{f}.svg"', 'arguments.figures / next(iter(experiments)) / f"{f}.svg"', "the first experiment's figures for all"),
        ('"improved_class" in published[name]', "bool(published[name])", "a class of ours is said to be the published one"),
    ],
    f"{SCRIPTS}/write_error_explorer.py": [
        ("images[order[:shown]])", "images[:shown])", "answers under other images' pictures"),
    ],
    f"{SCRIPTS}/write_provenance.py": [
        ("arguments.runs[arguments.runs.seed != ALL_SEEDS]", "arguments.runs", "ensembles counted among the trainings"),
    ],
    f"{LIBRARY}/command.py": [
        ("        temporary.unlink(missing_ok=True)", "        os.replace(temporary, path) if temporary.exists() else None", "half a file takes the place of the whole one"),
    ],
    f"{LIBRARY}/fingerprint.py": [
        ("for path in sorted(_closure(Path(script)) - left_out, key", "for path in sorted({Path(script)}, key", "an edited library runs nothing again"),
        ("_closure(Path(script)) - left_out, key", "_closure(Path(script)), key", "an edit of how jobs wait for a GPU trains all again"),
        ('case ast.Raise(exc=ast.Call(func=ast.Name(id=name) as error)) if name.endswith("Error"):\n            node = ast.Raise(ast.Call(error, [], []), node.cause)', 'case ast.Call(func=ast.Name(id=name) as error):\n            node = ast.Call(error, [], [])', "an edited call runs nothing again"),
        ("            waiting += _imported_beside(file, Path(path).parent)\n", "", "an edited module beside the user's network trains nothing again"),
    ],
    f"{LIBRARY}/streams.py": [
        ("(crc32(stream.encode()),)", "(0,)", "all streams of a seed are one"),
    ],
    f"{LIBRARY}/data/arrays.py": [
        ("images.transpose(0, 3, 1, 2)", "images.transpose(0, 3, 2, 1)", "pictures lie on their side"),
        ("- black) / (white - black)", "- black) / white", "values of another range"),
    ],
    f"{LIBRARY}/data/checks.py": [
        ('np.concatenate([drawn["train"], drawn["validation"]])', 'drawn["train"]', "test images among the validation images go unsaid"),
    ],
    f"{LIBRARY}/data/identity.py": [
        ('with_name("storing.py")', 'with_name("arrays.py")', "images laid out by older code are kept"),
        ("return class_names(dataset), content_of(files)", "return content_of(files)", "classes in another order keep the old labels"),
    ],
    f"{LIBRARY}/data/image_folder.py": [
        ('zip(("train", "test"), drawn', 'zip(("test", "train"), drawn', "the share for testing is trained on"),
    ],
    f"{LIBRARY}/data/parts.py": [
        ("    train, validation = draw(", "    validation, train = draw(", "trained on what should validate"),
        ('"validation": kept[validation]', '"validation": validation', "under a limit, validation images are also trained on"),
        ('generator("split", seed)', 'generator("split", 0)', "the split's seed lost"),
        ("min(map(np.min, labels.values())) == 1 and max(map(np.max, labels.values())) == classes", "min(map(np.min, labels.values())) == 1", "labels without the first class move by one"),
        ('generator("test limit", seed), least=1)[1]', 'generator("test limit", seed), least=1)[0]', "the test images left out are the test set"),
    ],
    f"{LIBRARY}/data/pictures.py": [
        ('Image.new("RGBA", image.size, "black")', 'Image.new("RGBA", image.size, "white")', "transparency becomes white"),
        ("values / 257", "values / 256", "white in 16 bits becomes black"),
        ("image.resize((form.width, form.height)", "image.resize((form.height, form.width)", "pictures that are not square scrambled"),
    ],
    f"{LIBRARY}/data/prepared.py": [
        ("    check_tensors(path, tensors, description.pop", "    (path, tensors, description.pop", "damaged images are learned from"),
        ("[[[255 * value]]", "[[[256 * value]]", "pixels not of mean 0"),
        ("sub_(mean).div_(std)", "sub_(mean).div_(std**2)", "divided by the variance"),
    ],
    f"{LIBRARY}/data/preparing.py": [
        ("chunk[:, channel].ravel()", "chunk[:, 0].ravel()", "mean and spread of red for all channels"),
        ('mean_and_spread(tensors["train_images"].numpy())', 'mean_and_spread(tensors["test_images"].numpy())', "normalised by the test set"),
        ('source = "test" if part == "test" else "train"', 'source = "test" if part != "train" else "train"', "validation images out of the test files"),
    ],
    f"{LIBRARY}/data/sources.py": [
        ("if expected in (None, found):", "if payload:", "files of another checksum are taken"),
    ],
    f"{LIBRARY}/data/splitting.py": [
        ("random.permutation(np.flatnonzero(labels == c))[:q]", "np.flatnonzero(labels == c)[:q]", "the first images of each class for every seed"),
    ],
    f"{LIBRARY}/data/torchvision_sets.py": [
        ('own = {"train": part == "train"}', 'own = {"train": True}', "the training images are the test set"),
    ],
    f"{LIBRARY}/study/arms.py": [
        ("arms[arm] = sorted({*arms.get(arm, []), *seeds})", "arms[arm] = sorted(seeds)", "a shared arm loses another experiment's seeds"),
        ('changes.get("transfer_set", settings.get("transfer_set"))', 'changes.get("transfer_set")', "a control learns from all images"),
        ('taught(temperature, loss=settings.get("loss"))', "taught(temperature)", "the experiment's own loss lost"),
        ('hard_weight=settings["hard_weight"], transfer_set=transfer_set)', 'hard_weight=settings["hard_weight"])', "students learn from all images"),
        ('settings |= {"code": file_fingerprint(settings["architecture"].rpartition(":")[0])}', "settings |= {}", "a user's edited network trains nothing again"),
        ('yield Role(name, "baseline", "baseline", Arm(student, transfer_set=transfer_set))', 'yield Role(name, "baseline", "baseline", Arm(student))', "a baseline of all images"),
        ('.get(config["dataset"]) or {}', '.get("fashion-mnist") or {}', "published figures of another data set"),
    ],
    f"{LIBRARY}/study/views.py": [
        ('("flip", "shift", "erase", "mixup")', '("flip", "shift", "erase")', "one epoch's logits for all mixtures"),
        ('("flip", "shift", "erase", "mixup")', '("flip", "erase", "mixup")', "one epoch's logits for all shifts"),
    ],
    f"{LIBRARY}/study/contradictions.py": [
        ('if _shuffles(changes, config) and "teacher" not in changes:', "if not changes:", "a control without a teacher whose name says shuffled"),
    ],
    f"{LIBRARY}/study/paths.py": [
        ("repr(value)", 'f"{value:.1f}"', "runs at T = 2.25 and 2.2 share a folder"),
    ],
    f"{LIBRARY}/training/augment.py": [
        ('generator("views", seed, epoch)', 'generator("views", seed)', "the same views in each epoch"),
        ('generator("mixing", seed, epoch)', 'generator("mixing", epoch)', "the same partners for each seed"),
        ("mix.weight[index]", "mix.weight[: len(index)]", "mixed by the place in the batch: a teacher judged other mixtures"),
        ('generator("erasing", seed, epoch)', 'generator("erasing", seed)', "the same rectangles in each epoch"),
        ("views.top[index], views.left[index]]", "views.left[index], views.top[index]]", "rows and columns swapped"),
        ("cut.flip(3)", "cut.flip(2)", "upside down"),
    ],
    f"{LIBRARY}/training/checkpoint.py": [
        ('same_training = state["identity"] == json.dumps(identity, sort_keys=True)', "same_training = True", "another training's checkpoint is continued"),
        ('            optimiser.load_state_dict(state["optimiser"])\n', "", "a continued training begins with no momentum"),
        ('            "progress": vars(progress),', '            "progress": vars(progress) | {"selected_epoch": -1, "selected_weights": {}},', "the best epoch before a stop is forgotten"),
    ],
    f"{LIBRARY}/training/cifar_networks.py": [
        ("blocks=(depth - 2) // 6", "blocks=(depth - 2) // 3", "twice as deep as its name"),
    ],
    f"{LIBRARY}/training/convolution.py": [
        (".permute(0, 3, 1, 2)", ".permute(0, 3, 2, 1)", "gradients of kernels turned"),
    ],
    f"{LIBRARY}/training/devices.py": [
        ("ru_maxrss * unit / 1e6", "ru_maxrss / 1e6", "memory a thousandth"),
        ('_gains_from_bfloat16(accelerator) if precision == "auto" else precision == "bfloat16"', 'precision in ("auto", "bfloat16")', "auto means bfloat16 everywhere"),
    ],
    f"{LIBRARY}/training/elsewhere.py": [
        ('array[getattr(data, f"{part}_index").long()]', 'array[: len(getattr(data, f"{part}_index"))]', "given logits by place, not by image"),
    ],
    f"{LIBRARY}/training/evaluate.py": [
        ("    model.eval()\n", "", "scored as in training"),
    ],
    f"{LIBRARY}/training/loop.py": [
        ("order = views.order[training.transfer_set[views.order]]", "order = views.order", "the transfer set is not looked at"),
        ("learning_rate(recipe, epoch * count + number, recipe.epochs * count)", "learning_rate(recipe, number, count)", "the schedule begins anew in each epoch"),
        ("learning_rate(recipe, epoch * count + number, recipe.epochs * count)", "learning_rate(recipe, epoch * count + number + 1, recipe.epochs * count)", "the schedule is a step ahead"),
        ('torch_seed("dropout", training.seed, progress.epoch)', 'torch_seed("dropout", training.seed)', "the same dropout in each epoch"),
        ("    optimiser.zero_grad()\n", "", "gradients add up over the batches"),
        ("losses.total.backward()", "losses.hard.backward()", "students learn nothing from teachers"),
        ("for step in steps])) for column in STEP_COLUMNS}", "for step in steps[-1:]])) for column in STEP_COLUMNS}", "an epoch's losses are its last batch's"),
        ('history[-1]["validation_accuracy"] > row["validation_accuracy"]', 'history[-1]["test_accuracy"] > row["test_accuracy"]', "the test set selects the epoch"),
        ('history[-1]["validation_accuracy"] > row["validation_accuracy"]', 'history[-1]["validation_accuracy"] >= row["validation_accuracy"]', "a tie takes the later epoch"),
        ('progress.history[-1]["seconds"] = clock.seconds() - started', 'progress.history[-1]["seconds"] = trained', "an epoch's scoring is free"),
        ("np.flatnonzero(~np.isfinite(losses))", "np.flatnonzero(np.isnan(losses))", "an infinite loss goes on"),
        ("                progress.random_states = [each.get_rng_state() for each in _generators(compute)]\n", "", "a stopped training draws its dropout anew"),
        ("return images // recipe.batch_size", "return -(-images // recipe.batch_size)", "a last batch that is not whole"),
        ("torch.stack([losses.total, losses.hard, soft, correct.mean()])", "torch.stack([losses.hard, losses.total, soft, correct.mean()])", "loss and hard loss swapped"),
        ("copy.deepcopy(training.model.state_dict())", "training.model.state_dict()", "the selected weights go on learning"),
        ("    training.model.train()\n", "", "batch norm and dropout as in evaluation after epoch 1"),
        ('accuracy(predict(model, data, data.test_images, compute), data.test_labels)', 'accuracy(predict(model, data, data.validation_images, compute), data.validation_labels)', "validation for test"),
        ('started = clock.seconds() - progress.unfinished_seconds', 'started = clock.seconds()', "seconds before a stop lost"),
        ("betas=(recipe.momentum, 0.999)", "betas=(0.9, 0.999)", "AdamW at the usual momentum whatever the recipe says"),
    ],
    f"{LIBRARY}/training/live.py": [
        ("for each in history[-3:]", "for each in history", "after a resume on a slower machine, the time left is at the old pace"),
    ],
    f"{LIBRARY}/training/losses.py": [
        ("    hard = cross_entropy(logits, labels,", "    hard = cross_entropy(logits / temperature, labels,", "the labels' loss at the temperature"),
        ("teacher_logits[epoch, index if", "teacher_logits[0, index if", "epoch 0's soft targets for all epochs"),
        ("hard_weight * hard + (1 - hard_weight) * soft", "hard_weight * hard + soft", "the soft loss is not weighed"),
        ("hard_weight * hard + (1 - hard_weight) * soft", "(1 - hard_weight) * hard + hard_weight * soft", "weights swapped"),
    ],
    f"{LIBRARY}/training/gpus.py": [
        ('folder / f"waiting.{seen}"', 'folder / "waiting"', "a job that waits for a full GPU holds up those that see others"),
        ("while not _locked(queue):", "while False:", "a small job overtakes a large one that waits"),
        ("granted <= room and", "need <= room and", "a job larger than any GPU waits for ever"),
        ("room = min(gpu.total - sum(held), gpu.free)", "room = gpu.free", "jobs that have not allocated yet count for nothing"),
    ],
    f"{LIBRARY}/training/networks.py": [
        ("for layer in layers[:-1]:", "for layer in layers:", "the classifier's weights are bounded too"),
        ("round(units * (1 - self.hidden_dropout))", "round(units * self.hidden_dropout)", "the share to drop is kept"),
        ("self.temperature * (log_probabilities.logsumexp(0) - math.log(len(logits)))", "log_probabilities.logsumexp(0) - math.log(len(logits))", "an ensemble's logits not scaled back"),
        ("counter.get_total_flops() // 2", "counter.get_total_flops()", "flops for multiply-adds"),
    ],
    f"{LIBRARY}/training/recipes.py": [
        ("recipe.decay**passed", "recipe.decay * passed", "the rate is 0 before the first milestone"),
        ("milestone * (steps // recipe.epochs)", "milestone", "milestones in steps for epochs"),
        ("max(1, round(warmup * steps))", "max(1, round((1 - warmup) * steps))", "warm-up and cool-down swapped"),
    ],
    f"{LIBRARY}/training/soft_losses.py": [
        ('return temperature**2 * kl_div(student, teacher, reduction="batchmean"', 'return kl_div(student, teacher, reduction="batchmean"', "T squared lost"),
        ("teacher = log_softmax(teacher_logits / temperature, dim=1)", "teacher = log_softmax(teacher_logits, dim=1)", "the teacher's softmax at T = 1"),
        ('kl_div(student, teacher, reduction="batchmean"', 'kl_div(teacher, student, reduction="batchmean"', "the other divergence"),
        ('reduction="batchmean"', 'reduction="mean"', "mean over classes too"),
        ("reverse_kl(logits, teacher_logits, temperature)) / 2", "reverse_kl(logits, teacher_logits, temperature))", "twice the symmetric divergence"),
        ("mse_loss(logits, teacher_logits) / 2", "mse_loss(logits, teacher_logits)", "twice the squared error"),
        ("(alpha * target + beta * others)", "(beta * target + alpha * others)", "the two weights swapped"),
        ("_correlation(student.T, teacher.T)", "_correlation(student, teacher)", "between images twice, never between classes"),
        ("return temperature**2 * (beta * inter", "return (beta * inter", "dist without T squared"),
        ("logits.std(1, keepdim=True)", "logits.std(0, keepdim=True)", "standardised over the batch"),
    ],
    f"{LIBRARY}/training/teacher_logits.py": [
        ('f"{name}, mixing {stream.mixup:g}" if stream.mixup else name', "name", "logits of other mixtures are taken"),
        ("return stream.epochs if stream.augments else 1", "return 1", "epoch 0's logits for all epochs"),
        ("pad_images(data.train_images, stream.shift, stream.padding)", "pad_images(data.train_images, stream.shift)", "a teacher sees background, students reflections"),
    ],
    f"{LIBRARY}/training/transfer_sets.py": [
        ('generator("transfer set", seed)', 'generator("transfer set", 0)', "one transfer set for all seeds of the split"),
        ('shuffle == "within-class", seed', 'shuffle != "within-class", seed', "the two shuffles swapped"),
        ('generator("shuffle", seed)', 'generator("shuffle", 0)', "one shuffle for all seeds"),
        ("_, drawn = stratified_split", "drawn, _ = stratified_split", "the images left over"),
        ("np.roll(members, 1)", "np.roll(members, 0)", "each image keeps its own targets"),
    ],
} | IN_RESULTS
