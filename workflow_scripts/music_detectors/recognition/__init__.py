"""How well the networks tell each class."""
