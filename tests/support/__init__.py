"""Helpers of the tests: settings, tables, recordings, files and servers that tests make."""
