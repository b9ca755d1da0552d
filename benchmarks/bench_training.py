"""Time a training step on one CPU core, compared with the notebook.

The residual network, a model of its own, takes the same clips.
"""

from unittest.mock import patch

import torch
from notebook import notebook_network, notebook_step

from music_detectors.common.errors import InputError
from music_detectors.models.device import BFLOAT16, FLOAT32, precision_on
from music_detectors.models.kim2024 import Kim2024, cpu
from music_detectors.models.resnet import ResNet
from music_detectors.models.weights import initial_network
from music_detectors.training.optimizer import AdamW
from music_detectors.training.steps import gradients
from timing import alternate, report

STEPS, BATCH, SAMPLES, FRAMES, CLASSES = 3, 32, 220_500, 802, 527


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    waveforms = 0.1 * torch.randn(BATCH, SAMPLES)
    stored = (20 * torch.randn(BATCH, 64, FRAMES) - 40).half()
    labels = torch.rand(BATCH, CLASSES) < 0.004
    step = notebook_step(notebook_network(CLASSES))
    network = initial_network(Kim2024(), CLASSES, seed=1)
    optimizer = AdamW(network.parameters(), weight_decay=0.01)
    residual = initial_network(ResNet(), CLASSES, seed=1)
    residual_optimizer = AdamW(residual.parameters(), weight_decay=0.01)
    dropout = torch.Generator().manual_seed(1)

    def notebook() -> None:
        for _ in range(STEPS):
            step(waveforms, labels.float())

    def this_workflow(precision: str = FLOAT32) -> None:
        for _ in range(STEPS):
            optimizer.step(gradients(network, stored, labels, dropout, precision)[1], 0.001, 0.9)

    def convolutions_by_pytorch() -> None:
        with patch.object(cpu, "trains_faster", lambda: False):
            this_workflow()

    def residual_network() -> None:
        for _ in range(STEPS):
            found = gradients(residual, stored, labels, dropout, FLOAT32)[1]
            residual_optimizer.step(found, 0.001, 0.9)

    variants = {
        "notebook": notebook,
        "this workflow": this_workflow,
        "the same, convolutions by PyTorch": convolutions_by_pytorch,
        "the residual network": residual_network,
    }
    try:
        precision_on(torch.device("cpu"), BFLOAT16)
        variants["this workflow, in bfloat16"] = lambda: this_workflow(BFLOAT16)
    except InputError as error:
        print(f"not in bfloat16: {error}")
    title = f"{STEPS} training steps of {BATCH} clips of 10 s, one thread (aim: 2.4 x)"
    report(title, alternate(variants, rounds=5), "notebook")


if __name__ == "__main__":
    main()
