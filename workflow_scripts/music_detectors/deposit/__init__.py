"""The run in forms that other programs read: Parquet tables, and a description for repositories."""
