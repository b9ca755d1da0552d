"""What models hear of clips of unequal length: whole clips, or the sound without its padding."""

from functools import cache
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from toys.small_cnn import SmallCnn

from music_detectors.common.errors import InputError
from music_detectors.common.tables import write_table
from music_detectors.lesions.readout import Forward, read_readout
from music_detectors.models import heard, kim2024
from music_detectors.models.gabor import Gabor
from music_detectors.models.heard import CLIP, SOUND, by_clip, chosen, cut, heard_together
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.weights import initial_network, write_tensors
from music_detectors.responses import compute as module
from music_detectors.responses.compute import compute_responses
from music_detectors.responses.files import read_responses
from music_detectors.spectrograms.columns import INDEX
from music_detectors.spectrograms.log_mel import PARAMETERS
from music_detectors.spectrograms.shard import open_spectrogram_shard, write_spectrogram_shard
from support.networks_corpus import make_corpus
from support.pretended_gpu import pretended_gpu

FRAMES = 161
LENGTHS = [161, 160, 121, 128, 129, 40, 161, 3, 128, 152]
FLOOR = -100


def spectrograms(seed=0):
    """Return spectrograms whose sound has the LENGTHS, as float16; silence follows."""
    log_mel = np.random.default_rng(seed).normal(-45, 15, (len(LENGTHS), 64, FRAMES))
    for clip, length in enumerate(LENGTHS):
        log_mel[clip, :, length:] = FLOOR
    return log_mel.astype(np.float16)


@cache
def trained_network():
    """Return a network of the study's kind in evaluation mode, with statistics of some clips."""
    network = initial_network(Kim2024(), 3, seed=2)
    with torch.no_grad():
        for seed in range(5):
            network(torch.from_numpy(spectrograms(seed)).float())
    return network.eval()


def write_corpus(folder):
    """Write the clips as the test split of a corpus; return the index of it."""
    corpus = make_corpus(folder, n=len(LENGTHS), frames=FRAMES, split="test", shard_clips=4)
    log_mel = spectrograms()
    table = corpus.index_table.assign(n_frames=LENGTHS)
    for name, rows in table.groupby("shard"):
        stored = rows.sort_values("row").index
        write_spectrogram_shard(
            corpus.index.parent / f"{name}.h5",
            log_mel[stored],
            np.array(LENGTHS)[stored],
            np.eye(3, dtype=bool)[stored % 3],
            table["clip_id"][stored].tolist(),
            "original",
            PARAMETERS,
        )
    write_table(corpus.index, table, INDEX)
    return corpus.index


def compute(index, output, pooled, model="kim2024", weights=None):
    if weights is None:
        weights = output.parent / "weights.safetensors"
        network = trained_network()
        write_tensors(weights, network.state_dict(), {"model": "kim2024", "classes": 3})
    compute_responses(
        [weights], [index], ["original"], ["test"], [output], model, "auto", 1, pooled
    )
    return read_responses(output)[1]


def of_sound(log_mel, length, least):
    """Return the sound of one clip, continued by its mirror image up to `least` frames."""
    sound = log_mel[:, :length]
    while sound.shape[1] < least:
        sound = np.concatenate([sound, sound[:, ::-1]], axis=1)
    return sound[:, : max(length, least)]


def blocks(network, log_mel):
    """Return the mean responses of every layer, by plain PyTorch, from the parts of `network`."""
    x = torch.from_numpy(log_mel.astype(np.float32))[None, None]
    found = {}
    for number, (stride, layer) in enumerate(
        zip((2, 1, 1, 0), ("conv1", "conv2", "conv3", "avgpool"), strict=True), 1
    ):
        x = getattr(network, f"norm{number}")(getattr(network, f"conv{number}")(x)).relu()
        x = torch.nn.functional.max_pool2d(x, 2, stride) if stride else x
        found[layer] = x.mean((2, 3))[0]
    found["fc1"] = network.fc1(found["avgpool"]).relu()
    found["fc2"] = network.fc2(found["fc1"])
    return {name: value.numpy() for name, value in found.items()}


@torch.no_grad()
def test_a_network_responds_to_the_sound_as_if_there_were_no_padding(tmp_path):
    responses = compute(write_corpus(tmp_path / "corpus"), tmp_path / "test.h5", SOUND)
    network = trained_network()
    for clip, (log_mel, length) in enumerate(zip(spectrograms(), LENGTHS, strict=True)):
        expected = blocks(network, of_sound(log_mel, length, kim2024.MIN_FRAMES))
        for layer in Kim2024.layers:
            # Single precision, and other convolutions.
            scale = np.abs(expected[layer]).max()
            assert np.abs(responses[layer][clip] - expected[layer]).max() < 1e-4 * scale


@torch.no_grad()
def test_over_whole_clips_padding_counts_as_in_the_study(tmp_path):
    responses = compute(write_corpus(tmp_path / "corpus"), tmp_path / "test.h5", CLIP)
    network = trained_network()
    for clip, log_mel in enumerate(spectrograms()):
        expected = blocks(network, log_mel)["avgpool"]
        np.testing.assert_allclose(responses["avgpool"][clip], expected, atol=1e-4, rtol=1e-3)


def test_clips_of_equal_length_have_the_same_bytes_either_way(tmp_path):
    corpus = make_corpus(tmp_path / "corpus", split="test")
    files = []
    for pooled in (CLIP, SOUND):
        compute(corpus.index, tmp_path / "test.h5", pooled)
        files.append((tmp_path / "test.h5").read_bytes())
    assert files[0] == files[1]


def test_a_gpu_hears_the_same_sound(tmp_path, monkeypatch):
    index = write_corpus(tmp_path / "corpus")
    expected = compute(index, tmp_path / "test.h5", SOUND)
    heard_there = []
    original = module.responses_of

    def remember(evaluation, log_mel, whole):
        heard_there.append((log_mel.is_cuda, len(log_mel)))
        return original(evaluation, log_mel, whole)

    monkeypatch.setattr(module, "responses_of", remember)
    with pretended_gpu():
        responses = compute(index, tmp_path / "gpu.h5", SOUND)
    assert all(on_gpu for on_gpu, _ in heard_there)
    assert sum(clips for _, clips in heard_there) == len(LENGTHS)
    for layer in Kim2024.layers:
        scale = np.abs(expected[layer]).max()
        assert np.abs(responses[layer] - expected[layer]).max() < 1e-4 * scale


def test_groups_hold_each_clip_once_and_clips_that_differ_in_no_response_together():
    groups = heard_together(Kim2024(), FRAMES, LENGTHS, SOUND)
    numbers = np.concatenate([clips for clips, _ in groups])
    assert sorted(numbers) == list(range(len(LENGTHS)))
    by_length = {None if frames is None else len(frames): list(clips) for clips, frames in groups}
    # From 121 on, a step is eight frames; 128 frames end within the first.
    assert list(groups[0][0]) == [0, 6] and by_length[None] == [0, 6]
    assert by_length[153] == [1] and by_length[145] == [9] and by_length[129] == [4]
    short = [(list(clips), list(frames)) for clips, frames in groups if frames is not None]
    assert ([2, 3, 8], list(range(121))) in short
    # Three frames go to and fro.
    (mirrored,) = [frames for clips, frames in short if clips == [7]]
    assert mirrored[:9] == [0, 1, 2, 2, 1, 0, 0, 1, 2] and len(mirrored) == 121
    assert heard_together(Kim2024(), FRAMES, LENGTHS, CLIP)[0][1] is None


def test_waveforms_of_nearly_the_same_length_are_heard_together():
    """A frame of a waveform is a sample, and hardly two clips have as many."""
    frames, step = 160_000, 320
    lengths = np.random.default_rng(4).integers(1, frames, 3_000)
    model = SimpleNamespace(least_frames=400, frames_a_step=step)
    groups = heard_together(model, frames, lengths, SOUND)
    assert len(groups) < frames / step + 400
    assert sorted(np.concatenate([clips for clips, _ in groups])) == list(range(3_000))
    wave = torch.arange(frames, dtype=torch.float32).expand(2, 1, frames)
    (whole, none), *cut_short = groups
    assert none is None and lengths[whole].min() > frames - step
    for clips, of_group in cut_short:
        longest = lengths[clips].max()
        if longest >= 400:
            assert longest - step < len(of_group) <= lengths[clips].min()
            torch.testing.assert_close(cut(wave, of_group), wave[:, :, : len(of_group)])
    # Their numbers take no memory of their own.
    own = sum(of_group.size for _, of_group in cut_short if of_group.base is None)
    assert own < 3_000 * 401


def test_values_return_to_their_clips():
    groups = heard_together(Kim2024(), FRAMES, LENGTHS, SOUND)
    log_mel = torch.arange(len(LENGTHS), dtype=torch.float32)[:, None, None].expand(-1, 2, FRAMES)
    rows = torch.cat([chosen(log_mel, group)[:, 0, 0] for group in groups]).numpy()
    assert by_clip(rows, groups).tolist() == list(range(len(LENGTHS)))


def test_fixed_features_hear_the_sound_alone(tmp_path):
    index = write_corpus(tmp_path / "corpus")
    weights = tmp_path / "weights.safetensors"
    write_tensors(weights, {}, {"model": "gabor"})
    responses = compute(index, tmp_path / "test.h5", SOUND, "gabor", weights)["filters"]
    for clip in (1, 5, 7):
        alone = torch.from_numpy(spectrograms()[clip : clip + 1, :, : LENGTHS[clip]]).float()
        expected = Gabor().responses({}, alone)["filters"][0].numpy()
        np.testing.assert_allclose(responses[clip], expected, rtol=1e-4, atol=1e-4)


def test_a_network_that_is_run_again_for_lesions_hears_the_same_sound(tmp_path):
    index = write_corpus(tmp_path / "corpus")
    model, name = SmallCnn(), "toys.small_cnn:SmallCnn"
    weights, output = tmp_path / "weights.safetensors", tmp_path / "test.h5"
    network = initial_network(model, 3, seed=1)
    write_tensors(weights, network.state_dict(), {"model": name, "classes": 3})
    stored = compute(index, output, SOUND, name, weights)
    forward = Forward(index, "cpu", 1, 100, SOUND)
    clip_ids, readout = read_readout(model, name, weights, output, "third", forward)
    np.testing.assert_allclose(readout.outputs, stored["logits"], rtol=1e-4, atol=1e-5)
    (lesioned,) = readout.lesioned([(np.arange(16), None)])
    # Without any unit of the last convolution, all clips have the outputs of the bias.
    np.testing.assert_allclose(lesioned, np.tile(network.last.bias.detach(), (10, 1)), atol=1e-6)
    with pytest.raises(InputError, match="not those of the network"):
        read_readout(model, name, weights, output, "third", Forward(index, "cpu", 1, 100, CLIP))
    assert clip_ids == open_ids(index)


def open_ids(index):
    shards = sorted(index.parent.glob("*.h5"))
    return sorted(clip for path in shards for clip in open_spectrogram_shard(path).clip_id)


def test_a_model_that_needs_more_frames_than_it_says(tmp_path, monkeypatch):
    index = write_corpus(tmp_path / "corpus")
    name = "toys.small_cnn:SmallCnn"
    monkeypatch.setattr(SmallCnn, "least_frames", 1)
    weights = tmp_path / "weights.safetensors"
    network = initial_network(SmallCnn(), 3, seed=1)
    write_tensors(weights, network.state_dict(), {"model": name, "classes": 3})
    message = "cannot hear 1 frames .*set least_frames in its file.*or responses.pooled to clip"
    with pytest.raises(InputError, match=message):
        compute(index, tmp_path / "test.h5", SOUND, name, weights)


def test_other_errors_of_a_model_are_not_taken_for_short_sounds():
    def full(_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        heard.responses_of(full, torch.zeros(1, 2, 3), whole=False)

    def broken(_):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match=r"^broken$"):
        heard.responses_of(broken, torch.zeros(1, 2, 3), whole=True)


def test_a_short_spectrogram_needs_no_more_frames_than_it_has():
    model = SimpleNamespace(least_frames=121, frames_a_step=8)
    groups = heard_together(model, 100, [100, 60], SOUND)
    assert [None if frames is None else len(frames) for _, frames in groups] == [None, 100]
