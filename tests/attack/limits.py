"""Run a function in a child process with little time and memory, so that a regression fails."""

import multiprocessing
import os
import resource
from pathlib import Path

ROUNDS = int(os.environ.get("ATTACK_ROUNDS", "1"))
"""How many times as many random inputs as in the quick form a fuzzer tries."""


def bounded(function, *arguments, seconds=20, megabytes=400, **settings):
    """Return what `function` returns, or raise what it raises.

    Fails when it needs more than `seconds`, or more than `megabytes` beyond the memory that this
    process has reserved already, or ends the process.
    """
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    child = context.Process(
        target=_run, args=(sending, megabytes, function, arguments, settings), daemon=True
    )
    child.start()
    sending.close()
    try:
        assert receiving.poll(seconds), f"{function.__name__}: no end after {seconds} s"
        result, error = receiving.recv()
    except EOFError:
        child.join()
        raise AssertionError(f"{function.__name__}: ended with {child.exitcode}") from None
    finally:
        child.kill()
        child.join()
    if error is not None:
        raise error
    return result


def _run(sending, megabytes, function, arguments, settings):
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    try:
        answer = function(*arguments, **settings), None
    except BaseException as error:
        answer = None, error
    try:
        sending.send(answer)
    except Exception:
        sending.send((None, AssertionError(f"{type(answer[1]).__name__}: {answer[1]}")))


def mutated(draw, content, words=()):
    """Return the bytes `content` with damage of one to three kinds anywhere.

    `draw` is a random.Random; `words` are bytes that mean something where they stand in such
    content, and are put anywhere.
    """
    for _ in range(draw.choice([1, 1, 2, 3])):
        place, other = draw.randrange(len(content) + 1), draw.randrange(len(content) + 1)
        length = draw.choice([1, 2, 4, 30, 500])
        kind = draw.randrange(6 if words else 5)
        before, piece, after = content[:place], content[other : other + length], content[place:]
        if kind == 0 and after:
            content = before + bytes([after[0] ^ 1 << draw.randrange(8)]) + after[1:]
        elif kind == 1:
            content = before + draw.randbytes(min(length, len(after))) + after[length:]
        elif kind == 2:
            content = draw.choice([before, before + after[length:]])
        elif kind == 3:
            content = before + piece + after
        elif kind == 4:
            content = before + piece + after[len(piece) :]
        elif kind == 5:
            content = before + draw.choice(words) + draw.choice([after, after[length:]])
    return content
