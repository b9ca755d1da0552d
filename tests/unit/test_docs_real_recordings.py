"""The manifest of the example on real recordings."""

import numpy as np
import pandas as pd
import pytest
import real_recordings
import soundfile


def recording(path, seconds):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(seconds * 8000), np.float32), 8000, format="OGG")


def test_clips_spread_over_a_track_and_groups_are_recordings(tmp_path):
    recording(tmp_path / "sounds" / "002 - Rain" / "1-17367-A.ogg", 5)
    recording(tmp_path / "sounds" / "002 - Rain" / "1-17367-B.ogg", 5)
    for name, seconds in (("long", 90), ("short", 12), ("tiny", 3)):
        recording(tmp_path / "music" / f"{name}.ogg", seconds)
    manifest = tmp_path / "manifest.tsv"
    real_recordings.main([str(tmp_path / "sounds"), str(tmp_path / "music"), str(manifest)])
    rows = pd.read_csv(manifest, sep="\t")
    rain = rows[rows["labels"] == "Rain"]
    assert rain["group"].tolist() == ["freesound-17367"] * 2
    music = rows[rows["labels"] == "Music"]
    assert music["group"].value_counts().to_dict() == {"long": 10, "short": 2}
    lengths = music["end_seconds"] - music["start_seconds"]
    np.testing.assert_allclose(lengths, 5, atol=1e-9)
    for name, seconds in (("long", 90), ("short", 12)):
        starts = music.loc[music["group"] == name, "start_seconds"].to_numpy()
        assert starts[0] >= 0 and starts[-1] + 5 <= seconds and (np.diff(starts) >= 5).all()


def test_a_folder_without_recordings_is_named(tmp_path, capsys):
    recording(tmp_path / "sounds" / "002 - Rain" / "1-17367-A.ogg", 5)
    (tmp_path / "music").mkdir()
    arguments = [str(tmp_path / "sounds"), str(tmp_path / "music"), str(tmp_path / "out.tsv")]
    with pytest.raises(SystemExit):
        real_recordings.main(arguments)
    assert f"{tmp_path / 'music'} has no recordings in Ogg format" in capsys.readouterr().err
    assert not (tmp_path / "out.tsv").exists()
