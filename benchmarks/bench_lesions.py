"""Time one lesion from stored responses, compared with running the network, on one CPU core."""

import numpy as np
import torch
from notebook import notebook_log_mel, with_weights_of
from threadpoolctl import threadpool_limits

from music_detectors.common.average_precision import average_precision
from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.kim2024.readout import Readout
from music_detectors.models.weights import initial_network
from music_detectors.selectivity.ranking import share_of_units
from timing import alternate, report

CLIPS, CLASSES, UNITS = 17_000, 527, 256
FRACTIONS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2)
# The networks run on this many clips; their time is scaled to all clips.
CLIPS_RUN, SAMPLES = 64, 220_500


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    random = np.random.default_rng(1)
    network = initial_network(Kim2024(), CLASSES, seed=1).eval()
    sequence, log_mel = with_weights_of(network), notebook_log_mel()
    waveforms = 0.1 * torch.randn(CLIPS_RUN, SAMPLES)
    stored = log_mel(waveforms).half()
    features = PooledFeatures(network, torch.device("cpu"))
    parameters = {
        name: values.numpy() for name, values in network.state_dict().items() if name[:2] == "fc"
    }
    responses = random.gamma(1, 1, (CLIPS, UNITS)).astype(np.float32)
    readout = Readout(responses, np.empty((CLIPS, CLASSES), np.float32), parameters)
    readout.outputs[:] = readout.computed()
    # Class sizes like AudioSet's.
    share = random.pareto(1, CLASSES)
    labels = random.random((CLIPS, CLASSES)) < np.minimum(2.5 * share / share.sum(), 0.3)
    labels[0] = True
    counts = [share_of_units(fraction, UNITS) for fraction in FRACTIONS]

    def lesions(counts):
        order = random.permutation(UNITS)
        silenced = ((order[:count], None) for count in counts)
        return [average_precision(x, labels) for x in readout.lesioned(silenced)]

    def notebook(batches):
        with torch.no_grad():
            for batch in batches:
                sequence(batch.unsqueeze(1))

    reference = "the notebook's network"
    several = f"{len(counts)} lesions, each"
    with threadpool_limits(1):
        seconds = alternate(
            {
                reference: lambda: notebook(stored.float().split(32)),
                f"{reference}, from samples": lambda: notebook(map(log_mel, waveforms.split(32))),
                "this workflow's network": lambda: [
                    features(part) for part in stored.split(Kim2024.clips_at_once)
                ],
                f"one lesion of {share_of_units(1 / 8, UNITS)} units": lambda: lesions([32]),
                several: lambda: lesions(counts),
            },
            rounds=5,
        )
    for name in list(seconds)[:3]:
        seconds[name] *= CLIPS / CLIPS_RUN
    seconds[several] /= len(counts)
    report(
        f"a lesion scored on {CLIPS:,} clips of 10 s x {CLASSES} classes, one thread (aim: 1,000 "
        f"x); networks: {CLIPS_RUN} clips, scaled up, without scoring",
        seconds,
        reference,
    )


if __name__ == "__main__":
    main()
