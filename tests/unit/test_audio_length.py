"""How long a recording is."""

import gzip
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from music_detectors.audio.failures import Unusable
from music_detectors.audio.length import recorded_seconds


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8000 * 3, np.float32), 8000)
    return path


@pytest.mark.parametrize("ending", ["flac", "ogg", "mp3", "au", "m4a", "webm", "wav.gz"])
def test_the_length_of_each_format(tmp_path, wav, ending):
    path = tmp_path / f"-b.{ending}"
    if ending == "wav.gz":
        path.write_bytes(gzip.compress(wav.read_bytes()))
    else:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", wav, f"file:{path}"]
        subprocess.run(command, check=True)
    # Lossy formats add up to a frame at each end.
    assert recorded_seconds(str(path)) == pytest.approx(3, abs=0.2)


def test_what_is_no_recording_is_unusable(tmp_path, wav):
    (tmp_path / "text.mp3").write_text("<html>this is not audio</html>\n" * 50)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "cut.wav.gz").write_bytes(gzip.compress(wav.read_bytes())[:20])
    (tmp_path / "folder.wav").mkdir()
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.float32), 8000)
    names = ("text.mp3", "empty.wav", "cut.wav.gz", "folder.wav", "none.wav", "missing.wav")
    for name in names:
        with pytest.raises(Unusable):
            recorded_seconds(str(tmp_path / name))
