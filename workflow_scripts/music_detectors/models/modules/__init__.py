"""Conditions whose model is any PyTorch module: which layers are read, and its class scores."""
