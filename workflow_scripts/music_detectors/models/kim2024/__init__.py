"""The convolutional network of Kim, Kim & Jeong (2024), with its fast paths."""

LAYERS = ("conv1", "conv2", "conv3", "avgpool", "fc1", "fc2")
"""The layers whose responses are stored, from the input on; `fc2` holds the logits."""
