"""The claims over several corpora: estimates side by side, their mean, and the verdict on it."""
