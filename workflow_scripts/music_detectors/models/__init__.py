"""The models whose units are measured, and what running them needs."""
