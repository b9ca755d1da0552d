"""The one kind of error that a user is meant to read."""


class InputError(Exception):
    """Something the user gave, or a stored file, is not usable.

    The message is one line that names the file, key or clip and says what to do.
    """


def one_line(text: object, limit: int = 300) -> str:
    """Return `text` without line breaks or control characters, at most `limit` characters long."""
    printable = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(printable.split())
    return line if len(line) <= limit else line[: limit - 3] + "..."
