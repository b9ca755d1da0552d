"""Time the pooled features of stored clips on one CPU core against the notebook's way."""

import torch
from notebook import READ_AT, notebook_log_mel, with_weights_of

from stages.networks.architecture import initial_network
from stages.responses.features import CLIPS_AT_ONCE, PooledFeatures
from timing import alternate, report

CLIPS, SAMPLES, FRAMES, CLASSES = 32, 220_500, 802, 527


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    waveforms = 0.1 * torch.randn(CLIPS, SAMPLES)
    network = initial_network(CLASSES, seed=1).eval()
    sequence = with_weights_of(network)
    log_mel = notebook_log_mel()
    stored = log_mel(waveforms).half()
    assert stored.shape == (CLIPS, 64, FRAMES)
    pooled = []
    sequence[READ_AT["avgpool"]].register_forward_hook(lambda _, __, output: pooled.append(output))

    def theirs() -> None:
        pooled.clear()
        with torch.no_grad():
            sequence(log_mel(waveforms).unsqueeze(1))

    features = PooledFeatures(network, torch.device("cpu"))
    variants = {"notebook": theirs}
    for clips in sorted({1, 2, 4, 8, 16, 32} | {CLIPS_AT_ONCE}):
        name = f"here, {clips} clips at once" + (" (as configured)" * (clips == CLIPS_AT_ONCE))
        variants[name] = lambda clips=clips: [features(part) for part in stored.split(clips)]
    seconds = alternate(variants, rounds=9)
    report(f"pooled features, {CLIPS} clips of 10 s, one thread (aim: 5 x)", seconds, "notebook")


if __name__ == "__main__":
    main()
