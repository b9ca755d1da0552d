"""The HTML report: the claims, the figures and the methods on one page."""
