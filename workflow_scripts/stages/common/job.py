"""What surrounds every script: its log, and one clear line when it cannot go on."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import EXIT_LATER, ComeBackLater, InputError, one_line


@contextmanager
def job(log: str) -> Iterator[None]:
    """Send messages to the file `log` while the block runs; end an InputError in one line.

    An InputError is written to the log and to standard error, and the process exits with 1;
    ComeBackLater likewise, with EXIT_LATER (75). Any other exception leaves its traceback in the
    log and goes on.
    """
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=log,
        filemode="w",
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    logging.captureWarnings(True)
    try:
        yield
    except (InputError, ComeBackLater) as error:
        message = one_line(error, limit=2000)
        logging.error(message)
        later = isinstance(error, ComeBackLater)
        print(f"{'stopped for now' if later else 'error'}: {message}", file=sys.stderr)
        sys.exit(EXIT_LATER if later else 1)
    except Exception:
        logging.exception("the job failed")
        raise
    finally:
        logging.shutdown()
