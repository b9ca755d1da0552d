"""Snakemake's records of files, damaged as a power cut or a full disk leaves them."""

from base64 import urlsafe_b64encode

from interruptions.runs import contents, run


def record(folder, kind, name):
    """The path of Snakemake 9's record of a result."""
    encoded = urlsafe_b64encode(f"results/smoke/{name}".encode()).decode()
    return folder / ".snakemake" / kind / encoded


def test_damaged_records_are_ignored(part_of, undisturbed, tmp_path):
    folder = part_of(tmp_path / "noted", "corpus", "audio")
    damages = {
        "corpus/clips.tsv": lambda content: b"",
        "audio/train/00000.h5": lambda content: content[: len(content) // 2],
        "audio/train/00001.status.tsv": lambda content: bytes(len(content)),
    }
    for name, damage in damages.items():
        path = record(folder, "metadata", name)
        path.write_bytes(damage(path.read_bytes()))
    again = "audio/test/00000.h5"
    marker = record(folder, "incomplete", again)
    marker.parent.mkdir(exist_ok=True)
    marker.touch()
    (folder / "results/smoke/audio/yield.tsv").unlink()
    ended = run(folder, "results/smoke/audio/yield.tsv")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "Ignore corrupted" in ended.stderr and "Traceback" not in ended.stderr
    # The file that was being made is made again.
    assert "decode_audio" in ended.stderr and not marker.exists()
    expected = contents(undisturbed)
    assert all(digest == expected[name] for name, digest in contents(folder).items())
