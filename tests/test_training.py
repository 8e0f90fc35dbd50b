"""The training of the pocket model, at sizes that a CPU does in seconds: its arithmetic, and every command once."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import LTXConditionPipeline
from diffusers.pipelines.ltx.pipeline_ltx_condition import LTXVideoCondition
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn

from training import classifier, distill, dit, evaluate, export, unpack, vae
from training.card import card
from training.common import Average, Gradients, Team, load_weights, trapezoid
from training.flow import Given, Guide, coordinates, describe, encode, extra_frames, place, sample, shifted
from training.measures import luma, saturation, seam_ratio, sharpness
from training.models import (
    TAILS,
    TINY,
    build_scheduler,
    build_text,
    build_tokenizer,
    build_transformer,
    build_vae,
)
from training.optim import Both, orthogonal
from training.ring import Drawn, lesson

WORDS = ["a", "teddy", "bear", "swims", "on", "mars"]
ALONE = Team(0, 1, torch.device("cpu"))


@pytest.fixture(scope="module")
def pipeline() -> LTXConditionPipeline:
    """Tiny random parts, with outputs and latent statistics that are not trivial."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer(WORDS)
    parts = build_vae(TINY).eval(), build_text(TINY, len(tokenizer)).eval(), build_transformer(TINY).eval()
    nn.init.normal_(parts[2].proj_out.weight, std=0.1)
    parts[0].latents_mean.normal_()
    parts[0].latents_std.uniform_(0.5, 2.0)
    made = LTXConditionPipeline(
        scheduler=build_scheduler(), vae=parts[0], text_encoder=parts[1], tokenizer=tokenizer, transformer=parts[2]
    )
    made.set_progress_bar_config(disable=True)
    return made


def pictures(count: int, seed: int) -> list[Image.Image]:
    drawn = np.random.default_rng(seed).integers(0, 255, (count, 64, 64, 3), np.uint8)
    return [Image.fromarray(picture) for picture in drawn]


def as_film(frames: list[Image.Image]) -> Tensor:
    stacked = torch.from_numpy(np.stack([np.asarray(frame) for frame in frames]))
    return (stacked.float() / 127.5 - 1).permute(3, 0, 1, 2)[None]


def condition(frames: list[Image.Image], index: int) -> LTXVideoCondition:
    if len(frames) == 1:
        return LTXVideoCondition(image=frames[0], frame_index=index)
    return LTXVideoCondition(video=frames, frame_index=index)


@pytest.mark.parametrize(("tail", "head"), [(0, 0), (5, 0), (9, 0), (5, 1), (1, 5), (5, 9)])
def test_sampling_is_the_pipelines(pipeline: LTXConditionPipeline, tail: int, head: int) -> None:
    first, last, levels = pictures(tail, 1), pictures(head, 2), [1.0, 0.8, 0.4]
    conditions = [condition(first, 0)] if tail else []
    conditions += [condition(last, 17 - head)] if head else []
    theirs = pipeline(
        prompt="A Teddy bear swims.", conditions=conditions or None, height=64, width=64, num_frames=17, frame_rate=8,
        timesteps=[1000 * level for level in levels], guidance_scale=3.0, max_sequence_length=TINY.tokens,
        generator=torch.Generator().manual_seed(5), output_type="latent",
    ).frames  # fmt: skip

    dice = torch.Generator().manual_seed(5)  # the pipeline draws in this order: film, tail, head, head's own, steps
    noise = torch.randn(1, 8, 5, 4, 4, generator=dice).flatten(3).permute(0, 2, 3, 1)
    drawn = [
        encode(pipeline.vae, as_film(part), lambda shape: torch.randn(*shape, generator=dice)) if part else None
        for part in (first, last)
    ]
    if head:
        torch.randn(1, 8, extra_frames(head), 4, 4, generator=dice)
    tokenizer = pipeline.tokenizer
    ids = tokenizer(["a teddy bear swims.", ""], padding="max_length", max_length=TINY.tokens, return_tensors="pt")
    with torch.no_grad():
        states, mask = describe(pipeline.text_encoder, ids.input_ids)
    guide = Guide((states[:1], mask[:1]), (states[1:], mask[1:]), 3.0)
    given = Given(*drawn)
    ours = sample(pipeline.transformer, guide, noise, levels, given, lambda shape: torch.randn(*shape, generator=dice))
    assert (ours - theirs.flatten(3).permute(0, 2, 3, 1)).abs().max() < 1e-4
    assert ours.std() > 0.5


def test_coordinates_put_a_head_first_and_count_seconds() -> None:
    found = coordinates(9, 8, 5, torch.device("cpu"))
    assert found.shape == (1, 3, (2 + 9) * 64)
    assert found[0, 0, ::64].tolist() == [28 / 8, 29 / 8, 0, *(n / 8 for n in range(1, 33, 4))]
    assert found[0, 1:, 63].tolist() == [112, 112]


def test_a_tokenizer_is_the_same_after_a_round_trip(tmp_path: Path) -> None:
    tokenizer = build_tokenizer([*WORDS, "t-rex"])
    tokenizer.save_pretrained(tmp_path)
    again = type(tokenizer).from_pretrained(tmp_path)
    for made in (tokenizer, again):
        assert made("A TEDDY bear’s t-rex,").input_ids == made("a teddy bear's T-Rex ,").input_ids
        assert 2 not in made("a t-rex on mars!").input_ids
        assert made.tokenize("zebra bear") == ["<unk>", "bear"]
        assert made("").input_ids == [1]


def test_muon_makes_matrices_orthogonal_whatever_their_shape() -> None:
    torch.manual_seed(0)
    for shape in ((3, 16, 48), (2, 48, 16)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
        assert values.min() > 0.6 and values.max() < 1.3


def test_both_optimizers_learn_and_the_average_follows() -> None:
    torch.manual_seed(0)
    net, goal = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)), torch.randn(64, 4)
    x = torch.randn(64, 8)
    smooth = Average(net, nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4)), 0.9)
    gradients = Gradients(ALONE, net.parameters())
    both, losses = Both(net.named_parameters(), lambda name, p: p.ndim == 2, 0.05, 0.02), []
    for step in range(80):
        gradients.clear()
        loss = (net(x) - goal).square().mean()
        loss.backward()
        gradients.gather()
        both.step(trapezoid(step / 80, step, 5, 0.5))
        smooth.update()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert (smooth.copy(x) - net(x)).abs().mean() < 0.05


def test_broken_gradients_move_nothing_and_large_ones_are_held() -> None:
    net = nn.Linear(4, 4)
    gradients = Gradients(ALONE, net.parameters())
    (1e6 * net(torch.ones(1, 4))).sum().backward()
    gradients.gather(1.0)
    assert math.isclose(float(gradients.flat.norm()), 1.0, rel_tol=1e-3)
    assert net.weight.grad is not None and net.weight.grad.abs().sum() > 0
    gradients.flat[3] = math.nan
    gradients.gather(1.0)
    assert gradients.flat.abs().sum() == 0


def test_the_rate_warms_up_stays_and_falls() -> None:
    assert trapezoid(0.0, 0, 50, 0.5) == 1 / 50
    assert trapezoid(0.4, 900, 50, 0.5) == 1
    assert math.isclose(trapezoid(0.75, 900, 50, 0.5), 0.5)
    assert trapezoid(1.0, 900, 50, 0.5) == 0.01


def drawn_clips(count: int, need: list[int], head: int) -> Drawn:
    clean = torch.randn(count, 9, 4, 8)
    heads = torch.randn(count, (head - 1) // 4 + 1 if head else 0, 4, 8)
    ids, labels = torch.ones(count, 40, dtype=torch.int64), torch.zeros(count, 8, dtype=torch.int64)
    told = torch.full((count,), 9)
    return Drawn(clean, clean[:, :3] + 10, heads, ids, torch.tensor(need), labels, told)


@pytest.mark.parametrize("head", [0, *TAILS])
def test_a_lesson_gives_what_the_pipeline_gives(head: int) -> None:
    torch.manual_seed(3)
    need = [0, 1, 2, 3] * 16
    drawn, extra = drawn_clips(64, need, head), extra_frames(head)
    task = lesson(drawn, head, forced=False)
    given = task.free == 0
    assert task.tokens.shape[1] == 9 + extra
    assert (task.levels[given] == 0).all() and (task.levels[~given] > 0).all()
    for row, least in enumerate(need):
        assert given[row, extra : extra + least].all()  # what a caption does not tell is always shown
        shown = int(given[row, extra : extra + 3].sum())
        assert torch.allclose(task.tokens[row, extra : extra + shown], drawn.tails[row, :shown], atol=1.5)
    assert given[:, :extra].all() and given[:, -1].all() == (head == 9)
    spread = task.levels[:, 5 + extra].view(-1, 1, 1)
    clean = task.tokens[:, 5 + extra] - spread * task.answer[:, 5 + extra]
    assert torch.allclose(clean, drawn.clean[:, 5], atol=1e-4)


def test_nothing_is_asked_of_what_no_caption_tells_of_unless_a_head_shows_it() -> None:
    drawn = drawn_clips(4, [0] * 4, 0)
    drawn.told = torch.tensor([9, 5, 4, 9])
    task = lesson(drawn, 0, forced=False)
    assert (task.free[1, 5:] == 0).all() and (task.free[2, 4:] == 0).all() and (task.fixed[:, 4:] == 0).all()
    assert (task.free[0, 3:] == 1).all() and (task.free[1, 3:5] == 1).all()
    led = drawn_clips(4, [0] * 4, 5)
    led.told = drawn.told
    task = lesson(led, 5, forced=False)
    assert torch.equal(task.free, 1 - task.fixed)


def test_frames_are_forced_to_levels_of_their_own() -> None:
    torch.manual_seed(0)
    even, forced = (lesson(drawn_clips(8, [0] * 8, 0), 0, forced=on).levels[:, 4:] for on in (False, True))
    assert (even.std(dim=1) < 1e-6).all() and (forced.std(dim=1) > 1e-3).all()


def test_a_head_of_nine_frames_is_half_extra_and_half_in_place() -> None:
    noise, head = torch.zeros(1, 9, 4, 8), torch.arange(3.0).view(1, 3, 1, 1).expand(1, 3, 4, 8) + 1
    tokens, fixed = place(noise, Given(head=head))
    assert tokens[0, :, 0, 0].tolist() == [1, 2, *[0] * 8, 3]
    assert fixed[0].tolist() == [1, 1, *[0] * 8, 1]


def test_a_student_that_is_its_teacher_has_nothing_to_learn() -> None:
    torch.manual_seed(1)
    teacher, text = build_transformer(TINY).eval(), build_text(TINY, 20).eval()
    nn.init.normal_(teacher.proj_out.weight, std=0.1)
    options = {"few": 4, "shift": 2.0, "parts": 1, "guidance": 1.0}
    same = distill.Lecture(teacher, text, type("Options", (), options)())
    harder = distill.Lecture(teacher, text, type("Options", (), options | {"parts": 3, "guidance": 4.0})())
    for own in (False, True):
        assert same.loss(teacher, drawn_clips(4, [0] * 4, 0), 0, 3, own) < 1e-3
    assert harder.loss(teacher, drawn_clips(4, [0] * 4, 0), 0, 1, True) > 1e-4


def test_a_teachers_waypoints_end_where_the_students_step_ends() -> None:
    levels = shifted(4, 2.0)
    assert levels[0] == 1 and sorted(levels, reverse=True) == levels
    path, end = distill.waypoints(levels, 1, 3)
    assert path[0] == levels[1] and end == levels[2]
    assert math.isclose(path[2] - end, (path[0] - end) / 3)
    assert distill.waypoints(levels, 3, 2)[1] == 0


def test_errors_in_sprite_boxes_weigh_more() -> None:
    real, boxes = torch.zeros(1, 3, 5, 16, 16), torch.zeros(1, 1, 5, 16, 16, dtype=torch.bool)
    boxes[..., :8] = True
    inside, outside = real + 0.5 * boxes, real + 0.5 * ~boxes
    assert vae.reconstruction_loss(real, real, boxes) == 0
    assert vae.reconstruction_loss(inside, real, boxes) > 2 * vae.reconstruction_loss(outside, real, boxes)


def test_decibels_are_of_the_picture_or_of_the_boxes() -> None:
    real, boxes = torch.zeros(2, 3, 5, 8, 8), torch.zeros(2, 1, 5, 8, 8, dtype=torch.bool)
    boxes[0, ..., :2] = True
    made = real + 0.2 * boxes
    assert math.isclose(float(vae.decibels(made, real)[0]), 20 + 10 * math.log10(4), rel_tol=1e-4)
    assert math.isclose(float(vae.decibels(made, real, boxes)[0]), 20, rel_tol=1e-4)
    assert vae.decibels(made, real, boxes)[1].isnan()


def test_seams_and_looks_of_films_that_are_known() -> None:
    ramp = torch.linspace(-1, 1, 64)
    moving = torch.stack([ramp.roll(step) for step in range(32)]).view(1, 1, 32, 1, 64).expand(1, 3, 32, 64, 64)
    assert math.isclose(float(seam_ratio(moving[:, :, :16], moving[:, :, 16:])), 1, rel_tol=1e-3)
    assert seam_ratio(moving[:, :, :16], -moving[:, :, 16:]) > 5
    still = torch.zeros(1, 3, 16, 8, 8)
    assert seam_ratio(still, still) == 1
    red = torch.tensor([1.0, -1, -1]).view(1, 3, 1, 1, 1).expand(1, 3, 2, 8, 8)
    assert math.isclose(float(luma(red)), 0.299 * 255, rel_tol=1e-4) and float(saturation(red)) == 255
    rough = torch.randn(1, 3, 2, 32, 32, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    soft = nn.functional.avg_pool3d(rough, (1, 3, 3), 1, (0, 1, 1))
    assert sharpness(soft) < 0.25 * sharpness(rough)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every command once, one after the other, at a tiny size."""
    out = tmp_path_factory.mktemp("weights")
    tiny = ["--size", "tiny", "--minutes", "5", "--workers", "0"]
    coder, judge = str(out / "vae/vae.safetensors"), str(out / "classifier/classifier.safetensors")
    vae.main([*tiny, "--out", str(out / "vae"), "--steps", "12", "--batch", "4"])
    classifier.main([*tiny, "--out", str(out / "classifier"), "--steps", "6", "--batch", "6"])
    base = ["--vae", coder, "--batch", "8"]
    dit.main([*tiny, *base, "--out", str(out / "dit"), "--steps", "20", "--heads", "0.5", "--wear", "1"])
    dit.main([*tiny, *base, "--out", str(out / "more"), "--steps", "5", "--resume", str(out / "dit")])
    distill.main([*tiny, *base, "--out", str(out / "few"), "--steps", "9", "--base", str(out / "more"), "--few", "4"])
    model = ["--vae", coder, "--model", str(out / "few")]
    evaluate.main([*tiny, *model, "--judge", judge, "--out", str(out / "figures"), "--count", "4", "--shots", "2"])
    figures, log = str(out / "figures/figures.json"), str(out / "vae/vae.jsonl")
    export.main([*model, "--size", "tiny", "--figures", figures, "--logs", log, "--out", str(out / "pocket")])
    return out


def test_every_command_leaves_weights_and_a_log(trained: Path) -> None:
    for name, log in {"vae": "vae", "classifier": "classifier", "dit": "dit", "more": "dit", "few": "distill"}.items():
        rows = [json.loads(line) for line in (trained / name / f"{log}.jsonl").read_text().splitlines()]
        assert rows[-1]["done"] and list((trained / name).glob("*.safetensors"))
    few = json.loads((trained / "few/sampling.json").read_text())
    assert few["levels"] == shifted(4, 2.0)


def test_latents_are_normalised_with_what_was_measured(trained: Path) -> None:
    made = build_vae(TINY)
    load_weights(made, trained / "vae/vae.safetensors")
    assert made.latents_mean.abs().max() > 1e-3
    assert (made.latents_std - 1).abs().max() > 1e-2


def test_a_resumed_run_goes_on_from_the_weights(trained: Path) -> None:
    def weights(folder: str) -> Tensor:
        made = build_transformer(TINY)
        load_weights(made, trained / folder / "transformer.safetensors")
        return torch.cat([parameter.flatten() for parameter in made.parameters()])

    first, more = weights("dit"), weights("more")
    assert 0 < (more - first).norm() < 0.2 * first.norm()


def test_figures_are_all_there_and_pictures_too(trained: Path) -> None:
    figures = json.loads((trained / "figures/figures.json").read_text())
    for name in ("judge_subject", "action_share", "both_subjects_made", "seam", "seam_head", "chain_luma"):
        assert math.isfinite(figures[name])
    for name in ("sheet.webp", "chains.webp"):
        assert Image.open(trained / "figures" / name).width > 100
    assert Image.open(trained / "vae/vae.webp").height > 200


def test_the_export_is_an_ordinary_pipeline(trained: Path) -> None:
    folder = trained / "pocket"
    words = json.loads((folder / "vocabulary.json").read_text())
    assert {"astronaut", "mars"} <= set(words["words"]) and "mars" in words["places"]
    call = json.loads((folder / "sampling.json").read_text())
    assert call["guidance_scale"] == 1 and len(call["timesteps"]) == 4
    assert all(path.suffix in (".json", ".safetensors", ".md") for path in folder.rglob("*") if path.is_file())
    for kind in (torch.float32, torch.bfloat16):
        loaded = LTXConditionPipeline.from_pretrained(folder, dtype=kind)
        loaded.set_progress_bar_config(disable=True)
        call |= {"num_frames": 9, "width": 64, "height": 64}
        call.pop("condition_frames", None)
        frames = loaded(prompt="The astronaut is dancing on Mars", output_type="np", **call).frames
        assert frames.shape == (1, 9, 64, 64, 3) and np.isfinite(frames).all()
    index = json.loads((folder / "model_index.json").read_text())
    assert index["tokenizer"] == ["transformers", "PreTrainedTokenizerFast"]


def test_training_goes_on_from_an_export(trained: Path, tmp_path: Path) -> None:
    unpack.main(["--size", "tiny", "--model", str(trained / "pocket"), "--out", str(tmp_path)])
    for name, before in {"vae": "vae", "dit": "few"}.items():
        for file in (tmp_path / name).glob("*.safetensors"):
            again, first = load_file(file), load_file(trained / before / file.name)
            assert again.keys() == first.keys()
            for key in first:
                assert torch.allclose(again[key].float(), first[key].float(), atol=2e-2, rtol=1e-2), key
    assert dit.load_words(tmp_path / "dit") == dit.load_words(trained / "few")


def test_a_card_says_what_is_missed_and_what_is_not_known() -> None:
    text = card({"seam": 1.2, "seam_head": 2.0, "chain_place_first": 0.9, "chain_place_last": 0.7}, {}, 11_700_000, {
        "timesteps": [1000, 500], "guidance_scale": 1.0,
    })  # fmt: skip
    assert "| 1.20 | at most 1.4 |" in text and "| 2.00 (missed) | at most 1.6 |" in text
    assert "place | -0.20 (missed) |" in text and "| Two subjects, both there | - | at least 70 % |" in text
    assert "11.7 million" in text and "2 steps, without guidance" in text


@pytest.mark.long
def test_two_processes_train_one_network(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training.vae",
        "--size", "tiny", "--batch", "2", "--workers", "1", "--steps", "3", "--minutes", "5", "--out", str(tmp_path),
    ]  # fmt: skip
    root = Path(__file__).parents[1]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("done=True") == 1  # only the first of them writes
    assert (tmp_path / "vae.safetensors").stat().st_size > 10_000
