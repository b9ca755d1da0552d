"""Time a lesion of a large network that is run again, many at once and one by one, on one core."""

import numpy as np
import torch

from music_detectors.models import hooks
from music_detectors.models.find import load_trained
from music_detectors.models.hooks import ForwardReadout
from music_detectors.models.modules.settings import ModuleSettings
from music_detectors.models.weights import initial_network
from timing import alternate, report

CLIPS, SAMPLES, CLASSES, LESIONS = 4, 48_000, 50, 8
LAYERS = "encoder.transformer.layers.*"


def main():
    torch.set_num_threads(1)
    model = load_trained(
        ModuleSettings(
            "others", "music_detectors.models.wav2vec2:wav2vec2", (LAYERS,), waveform=True
        ).written()
    )
    network = initial_network(model, CLASSES, seed=1).eval()
    sound = 0.1 * torch.randn(CLIPS, 1, SAMPLES, generator=torch.Generator().manual_seed(2))
    units = network.last_layer(sound).shape[1]
    weights = torch.randn(CLASSES, units, generator=torch.Generator().manual_seed(3))
    network.readout.load_state_dict({"weight": weights, "bias": torch.zeros(CLASSES)})
    with torch.inference_mode():
        stored = network(sound).numpy()
    draw = np.random.default_rng(4)
    lesions = [(draw.permutation(units)[: units // 8], None) for _ in range(LESIONS)]

    def seconds_of(layer, together):
        hooks._TOGETHER = (together, together)
        readout = ForwardReadout(
            network,
            model.modules[layer],
            lambda: [sound],
            stored,
            pooled=model.pooled[layer],
            clips_at_once=CLIPS,
        )
        return lambda: sum(1 for _ in readout.lesioned(lesions))

    layers = [name for name in model.layers if name != model.outputs]
    ways = {}
    for layer in (layers[0], layers[len(layers) // 2], layers[-1]):
        ways[f"{layer}, one by one"] = seconds_of(layer, 1)
        ways[f"{layer}, {LESIONS} at once"] = seconds_of(layer, LESIONS)
    seconds = {name: each / LESIONS for name, each in alternate(ways, rounds=2).items()}
    report(
        f"a lesion of wav2vec 2.0 (base), {CLIPS} clips of {SAMPLES / 16_000:g} s",
        seconds,
        next(iter(seconds)),
    )


if __name__ == "__main__":
    main()
