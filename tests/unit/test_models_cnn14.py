"""CNN14 against its published weights' names, torch.stft, torchaudio and a second forward pass."""

import numpy as np
import pytest
import torch
import torchaudio
from torch.nn.functional import avg_pool2d, batch_norm, conv2d, linear

from music_detectors.common.errors import InputError
from music_detectors.models.cnn14 import cnn14

torch.set_num_threads(1)
WIDTHS = [1, 64, 128, 256, 512, 1024, 2048]
# librosa.filters.mel(sr=32000, n_fft=1024, n_mels=64, fmin=50, fmax=14000) of librosa 0.11: the
# largest weight of some bands, by frequency and band.
OF_LIBROSA = {
    (3, 0): 0.01501181349158287,
    (39, 20): 0.012666620314121246,
    (118, 40): 0.004703423008322716,
    (424, 63): 0.0013412120752036572,
}
# Window, hop and highest frequency of the published weights, by sample rate.
PUBLISHED = {16_000: (512, 160, 8_000.0), 32_000: (1024, 320, 14_000.0)}
RATES = pytest.mark.parametrize("sample_rate", list(PUBLISHED))


def published_shapes(window):
    """The tensors of `Cnn14_mAP=0.431.pth` (window 1024) and `Cnn14_16k_mAP=0.438.pth` (512).

    As in the authors' package panns_inference 0.1.1, which loads these files strictly.
    """

    def normalisation(name, width):
        tensors = ("weight", "bias", "running_mean", "running_var")
        return {f"{name}.{one}": (width,) for one in tensors} | {f"{name}.num_batches_tracked": ()}

    frequencies = window // 2 + 1
    shapes = {
        "spectrogram_extractor.stft.conv_real.weight": (frequencies, 1, window),
        "spectrogram_extractor.stft.conv_imag.weight": (frequencies, 1, window),
        "logmel_extractor.melW": (frequencies, 64),
        **normalisation("bn0", 64),
    }
    for number in range(1, 7):
        inputs, outputs = WIDTHS[number - 1 : number + 1]
        block = f"conv_block{number}"
        shapes[f"{block}.conv1.weight"] = (outputs, inputs, 3, 3)
        shapes[f"{block}.conv2.weight"] = (outputs, outputs, 3, 3)
        shapes |= normalisation(f"{block}.bn1", outputs) | normalisation(f"{block}.bn2", outputs)
    shapes |= {"fc1.weight": (2048, 2048), "fc1.bias": (2048,)}
    return shapes | {"fc_audioset.weight": (527, 2048), "fc_audioset.bias": (527,)}


@pytest.fixture(scope="module")
def networks():
    """One network for each sample rate, whose batch normalisation is not trivial."""
    torch.manual_seed(0)
    made = {}
    for sample_rate in PUBLISHED:
        network = made[sample_rate] = cnn14(sample_rate).eval()
        for name, buffer in network.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(torch.randn(buffer.shape) * 0.1)
            elif name.endswith("running_var"):
                buffer.copy_(torch.rand(buffer.shape) + 0.5)
        network.bn0.running_mean.sub_(40)
        network.bn0.running_var.mul_(200)
    return made


def noise(n, samples, seed=0):
    return torch.randn(n, samples, generator=torch.Generator().manual_seed(seed)) * 0.1


@RATES
def test_tensors_are_those_of_the_published_weights(networks, sample_rate):
    found = {name: tuple(t.shape) for name, t in networks[sample_rate].state_dict().items()}
    assert found == published_shapes(PUBLISHED[sample_rate][0])


@RATES
def test_the_spectrum_is_that_of_torch_stft(networks, sample_rate):
    window, hop, _ = PUBLISHED[sample_rate]
    waveform = noise(2, sample_rate)
    expected = torch.stft(
        waveform, window, hop, window=torch.hann_window(window), return_complex=True
    )
    found = networks[sample_rate].spectrogram_extractor(waveform)[:, 0].transpose(1, 2)
    torch.testing.assert_close(found, expected.abs().square(), rtol=1e-4, atol=1e-5)


@RATES
def test_mel_filters_are_those_of_librosa(networks, sample_rate):
    window, _, highest = PUBLISHED[sample_rate]
    found = networks[sample_rate].logmel_extractor.melW
    expected = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 50.0, highest, 64, sample_rate, norm="slaney", mel_scale="slaney"
    )
    # torchaudio rounds its steps to single precision.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-6)
    assert found.max() > 0.01
    if sample_rate == 32_000:
        weights = [found[place] for place in OF_LIBROSA]
        np.testing.assert_allclose(weights, list(OF_LIBROSA.values()), rtol=1e-6)


@RATES
def test_logits_are_those_of_a_second_forward_pass(networks, sample_rate):
    network, (window, hop, highest) = networks[sample_rate], PUBLISHED[sample_rate]
    waveform = noise(2, sample_rate)
    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate, window, hop_length=hop, f_min=50.0, f_max=highest, n_mels=64, norm="slaney",
        mel_scale="slaney",
    )  # fmt: skip
    tensors = network.state_dict()

    def normalised(x, name):
        names = ("running_mean", "running_var", "weight", "bias")
        return batch_norm(x, *(tensors[f"{name}.{one}"] for one in names))

    with torch.inference_mode():
        x = 10 * mel(waveform).clamp(min=1e-10).log10().transpose(1, 2)
        x = normalised(x.transpose(1, 2), "bn0").transpose(1, 2).unsqueeze(1)
        blocks = []
        for number in range(1, 7):
            for layer in (1, 2):
                block = f"conv_block{number}"
                x = conv2d(x, tensors[f"{block}.conv{layer}.weight"], padding=1)
                x = normalised(x, f"{block}.bn{layer}").relu()
            x = avg_pool2d(x, 2) if number < 6 else x
            blocks.append(x)
        x = x.mean(3)
        x = x.max(2).values + x.mean(2)
        embedding = linear(x, tensors["fc1.weight"], tensors["fc1.bias"]).relu()
        logits = linear(embedding, tensors["fc_audioset.weight"], tensors["fc_audioset.bias"])
        heard = {}
        names = [*(f"conv_block{number}" for number in range(1, 7)), "embedding"]
        for name in names:
            network.get_submodule(name).register_forward_hook(
                lambda _, __, output, name=name: heard.update({name: output})
            )
        found = network(waveform)
    for name, expected in zip(names, [*blocks, embedding], strict=True):
        torch.testing.assert_close(heard[name], expected, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found, logits, rtol=1e-3, atol=1e-4)
    assert logits.std() > 0.01


@RATES
def test_the_shortest_sound_and_the_steps_of_longer_ones(networks, sample_rate):
    network = networks[sample_rate]
    frames = []
    network.conv_block6.register_forward_hook(lambda _, __, output: frames.append(output.shape[2]))
    least, step = network.least_frames, network.frames_a_step
    with torch.inference_mode():
        for samples in (least, least + step - 1, least + step):
            assert network(noise(1, samples)).isfinite().all()
        assert frames == [1, 1, 2]
        with pytest.raises(RuntimeError):
            network(noise(1, least - 1))


def test_clips_of_a_batch_do_not_change_each_others_outputs(networks):
    network, waveforms = networks[16_000], noise(3, 16_000)
    waveforms[1] = 0
    with torch.inference_mode():
        alone = torch.cat([network(one[None]) for one in waveforms])
        torch.testing.assert_close(network(waveforms), alone, rtol=1e-4, atol=1e-5)


def test_random_weights_follow_from_the_seed_and_classes_may_differ():
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(cnn14(16_000, classes=5))
    assert made[0].fc_audioset.out_features == 5
    assert all(map(torch.equal, made[0].parameters(), made[1].parameters()))


def test_another_sample_rate_is_refused():
    with pytest.raises(InputError, match="sample_rate of cnn14 is 22050; it must be"):
        cnn14(22_050)
