"""What `storyboard engines` says: what an engine can do, what it needs, and why it cannot run here."""

from __future__ import annotations

from storyboard.engines.describe import described, described_all


def test_an_engine_says_what_its_weights_may_be_used_for_and_what_they_need() -> None:
    facts = described("modelscope")
    assert facts["licence of weights"] == "CC-BY-NC-4.0"
    assert "unverified" in described("ltx")["licence of weights"]
    assert facts["memory of the device"].startswith("5 GB with `offload: none`, ")
    assert facts["memory of the device"].endswith(", estimated")
    assert described("animatic")["memory of the device"] == "does not matter"
    assert "English" in facts["note 2"] and "not for commercial use" in facts["note 1"]


def test_it_says_why_an_engine_cannot_run_here_and_what_to_do() -> None:
    here = described("modelscope")["here"]
    assert here.startswith(
        "cannot run here: the weights of `ali-vilab/text-to-video-ms-1.7b` are not on this machine; "
    )
    assert "download: true" in here and "hf download" in here
    rows = {name: said for name, _, said in described_all()}
    assert rows["modelscope"] == here.split("; ")[0], "in a table there is room for the reason"
    assert (rows["animatic"], rows["pocket"]) == ("runs here", "runs here")


def test_an_engine_whose_model_has_to_be_named_says_so() -> None:
    facts = described("easyanimate")
    assert facts["weights"].startswith("its model has to be named; set `model`")
    assert facts["here"] == f"cannot run here: {facts['weights']}"
    assert (facts["frames"], "default" in facts["option model"]) == ("4n+1, 5 to 49", False)


def test_options_are_described_with_their_defaults_as_authors_write_them() -> None:
    facts = described("modelscope")
    assert facts["option vae"].endswith("(default {tiling: false, slicing: false})")
    assert facts["option steps"].endswith("(default 25)")
    assert facts["option download"].endswith("(default false)")
    assert "default" not in facts["option offload"], "chosen where it is left out"
    assert described("pyramid")["option steps"].endswith("(default [20, 20, 20])")
