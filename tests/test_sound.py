"""Sound that an engine makes: kept sample for sample with its pictures, and without any all is as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from storyboard.digest import digest_of
from storyboard.errors import BadFootage, DamagedFootage
from storyboard.footage import Footage, check_footage, read_footage, write_footage
from storyboard.remote import Remote, pull, push
from storyboard.sound import Sound, lasting, read_sound, sound_from_float
from storyboard.timing import Rate
from storyboard.vault import Vault
from tests.pieces import numbered

RATE = Rate.parse("24000/1001")


def noisy(frames: int = 10, rate: int = 24000, channels: int = 2, seed: int = 0) -> Sound:
    count = lasting(frames, RATE, rate)
    return Sound(np.random.default_rng(seed).integers(-32768, 32768, (count, channels)).astype(np.int16), rate)


def scored(sound: Sound | None, frames: int = 10) -> Footage:
    return Footage(numbered(range(frames)), RATE, sound)


@pytest.mark.parametrize(("rate", "channels"), [(24000, 2), (48000, 1), (16000, 2)])
def test_sound_and_pictures_come_back_as_they_were(tmp_path: Path, rate: int, channels: int) -> None:
    footage, path = scored(noisy(rate=rate, channels=channels)), tmp_path / "a.mkv"
    write_footage(path, footage)
    assert footage.sound is not None
    back = read_sound(path)
    assert (back.samples == footage.sound.samples).all() and back.samples.shape == footage.sound.samples.shape
    assert (back.rate, back.digest) == (rate, footage.sound.digest)
    assert (read_footage(path) == footage.frames).all()
    assert (read_footage(path, [9, 0, 4]) == footage.frames[[9, 0, 4]]).all(), "a packet of sound is no picture"


def test_the_same_footage_gives_the_same_bytes_and_silence_is_no_track(tmp_path: Path) -> None:
    with_sound, again, without = (tmp_path / name for name in ("a.mkv", "b.mkv", "c.mkv"))
    write_footage(with_sound, scored(noisy()))
    write_footage(again, scored(noisy()))
    write_footage(without, scored(None))
    assert with_sound.read_bytes() == again.read_bytes()
    with av.open(str(without)) as container:
        assert [stream.type for stream in container.streams] == ["video"]
    with pytest.raises(DamagedFootage, match="the sound of footage"):
        read_sound(without)


def test_a_digest_is_of_samples_channels_and_rate() -> None:
    one = noisy()
    others = (replace(one, rate=48000), noisy(seed=1), Sound(one.samples.reshape(-1, 1), one.rate))
    assert len({each.digest for each in (one, *others, noisy())}) == 4


def test_a_take_names_its_sound_and_gives_it_back(tmp_path: Path) -> None:
    vault, sound = Vault(tmp_path / "vault"), noisy()
    take = vault.put("a" * 64, {"frames": 10, "width": 64, "height": 48}, scored(sound), {})
    found = vault.find("a" * 64)
    assert found == take and take.sound is not None
    assert (take.sound.digest, take.sound.rate, take.sound.channels) == (sound.digest, 24000, 2)
    assert take.sound.samples == len(sound.samples) == lasting(10, RATE, 24000)
    back = vault.sound(take)
    assert back is not None and (back.samples == sound.samples).all()
    assert vault.verify(deep=True) == []


def test_a_take_without_sound_says_nothing_of_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    take = vault.put("a" * 64, {}, scored(None), {})
    assert take.sound is None and vault.sound(take) is None
    assert b"sound" not in vault.record_path(take).read_bytes()


def test_sound_that_was_changed_is_found_out(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault")
    take = vault.put("a" * 64, {}, scored(noisy()), {})
    write_footage(vault.footage_path(take), scored(noisy(seed=1)))
    with pytest.raises(DamagedFootage, match="is not what was made"):
        vault.sound(take)
    assert vault.find("a" * 64) is None


def test_sound_goes_where_its_pictures_go(tmp_path: Path) -> None:
    here, there = Vault(tmp_path / "here"), Vault(tmp_path / "there")
    slate = {"frames": 10, "width": 64, "height": 48}
    take = here.put(digest_of(slate), slate, scored(noisy()), {})
    remote = Remote(str(tmp_path / "remote"))
    assert [moved.missing for moved in push(here, remote, [take.key])] == [False]
    assert [moved.missing for moved in pull(there, remote, [take.key])] == [False]
    sound = there.sound(take)
    assert sound is not None and sound.digest == noisy().digest


def test_floats_become_samples_of_exactly_the_length(tmp_path: Path) -> None:
    values = np.array([[0.0, 1.0], [-1.0, 2.0], [0.5, -3.0]])
    assert sound_from_float(values, 8000, 3).samples.tolist() == [[0, 32767], [-32767, 32767], [16384, -32767]]
    assert sound_from_float(values, 8000, 2).samples.tolist() == [[0, 32767], [-32767, 32767]]
    assert sound_from_float(values, 8000, 5).samples[3:].tolist() == [[0, 0], [0, 0]]
    with pytest.raises(BadFootage, match="no numbers"):
        sound_from_float(values * np.nan, 8000, 3)


def test_an_engine_s_sound_has_to_fit_its_pictures() -> None:
    def check(sound: Sound) -> None:
        check_footage(scored(sound), frames=10, width=64, height=48, rate=RATE, shot="a/1")

    check(noisy())
    with pytest.raises(BadFootage, match=r"lasts 10010 samples; the sound of its engine has 9009"):
        check(noisy(frames=9))
    with pytest.raises(BadFootage, match="3 channels"):
        check(noisy(channels=3))
    with pytest.raises(BadFootage, match="no int16 array"):
        check(Sound(noisy().samples.astype(np.float32), 24000))  # type: ignore[arg-type]
