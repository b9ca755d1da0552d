"""The response of every unit of a network to every clip."""
