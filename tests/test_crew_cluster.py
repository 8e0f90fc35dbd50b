"""A crew on a cluster: of it a machine may go in mid-shot, and the film is finished on the others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storyboard.crew_ray import REMOTE
from storyboard.engines.arithmetic import CPU_THREADS
from tests.films import scene, screenplay, storyboard, text_of

pytest.importorskip("ray")


@pytest.mark.long
def test_a_film_is_finished_though_a_machine_of_the_cluster_goes(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    film = tmp_path / "film.yaml"
    scenes = [scene(name, 20, prompt="SLOW", continues="nothing") for name in "ab"] + [scene("c")]
    film.write_text(text_of(screenplay(scenes, engine="strict")))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": CPU_THREADS})
    try:
        other = cluster.add_node(num_cpus=CPU_THREADS)
        cluster.wait_for_nodes()
        command = [sys.executable, "-m", "storyboard", "render", str(film), "--json"]
        process = subprocess.Popen(
            [*command, "--crew", f"{REMOTE}{cluster.address}", "--out", str(tmp_path / "out")],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"STORYBOARD_TEST_LOG": str(tmp_path / "log")},
        )
        assert process.stdout is not None
        told, stepping = [], set()
        for line in process.stdout:
            told.append(json.loads(line))
            if told[-1]["event"] == "step":
                stepping.add(told[-1]["shot"])
            if other is not None and len(stepping) == 2:
                cluster.remove_node(other, allow_graceful=False)
                other = None
        assert process.wait(timeout=60) == 0
    finally:
        cluster.shutdown()
    assert len(stepping) >= 2, "two machines shot at once"
    assert [each["try"] for each in told if each["event"] == "again"] == [2]
    shots = [each["shot"] for each in told if each["event"] == "done"]
    assert len(shots) == len(set(shots)) > 2
    storyboard("render", film, "--vault", tmp_path / "alone", "--out", tmp_path / "whole")
    assert (tmp_path / "out" / "film.mp4").read_bytes() == (tmp_path / "whole" / "film.mp4").read_bytes()
