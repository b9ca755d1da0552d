"""Time the pooled features of stored clips on one CPU core, compared with the notebook."""

import torch
from notebook import READ_AT, notebook_log_mel, with_weights_of

from music_detectors.models.kim2024 import Kim2024
from music_detectors.models.kim2024.features import PooledFeatures
from music_detectors.models.weights import initial_network
from timing import alternate, report

BATCHES, BATCH, SAMPLES, FRAMES, CLASSES = 4, 32, 220_500, 802, 527


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    waveforms = 0.1 * torch.randn(BATCHES * BATCH, SAMPLES)
    network = initial_network(Kim2024(), CLASSES, seed=1).eval()
    sequence = with_weights_of(network)
    log_mel = notebook_log_mel()
    stored = torch.cat([log_mel(batch) for batch in waveforms.split(BATCH)]).half()
    assert stored.shape == (BATCHES * BATCH, 64, FRAMES)
    pooled = []
    sequence[READ_AT["avgpool"]].register_forward_hook(lambda _, __, output: pooled.append(output))

    def notebook() -> None:
        pooled.clear()
        with torch.no_grad():
            for batch in waveforms.split(BATCH):
                sequence(log_mel(batch).unsqueeze(1))

    features = PooledFeatures(network, torch.device("cpu"))
    variants = {"notebook": notebook}
    for clips in (4, 8, 16, 32, 64):
        name = f"this workflow, {clips} clips at once" + (
            " (as configured)" * (clips == Kim2024.clips_at_once)
        )
        variants[name] = lambda clips=clips: [features(part) for part in stored.split(clips)]
    title = f"pooled features, {BATCHES * BATCH} clips of 10 s, one thread (aim: 5.5 x)"
    report(title, alternate(variants, rounds=5), "notebook")


if __name__ == "__main__":
    main()
