"""The response of selective units to each genre of the target."""
