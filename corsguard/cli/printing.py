"""
Prints the results of a command, as text (in colour on a terminal) or as JSON, and its progress; never a secret.

Everything is printed through an Output, which removes secrets. Strings from the network are already shortened and in
printable ASCII when they come here.
"""

import json
import os
import sys
import threading
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from enum import IntEnum
from typing import Final, Literal

import click
from rich.console import Console
from rich.text import Text

from corsguard.browser.confidential import Secrets
from corsguard.quoting import printable as on_one_line

# After how many seconds the progress is printed, and, without a terminal, how often it is repeated.
_PATIENCE: Final = 2.0
_PAUSE: Final = 10.0
_TERMINAL_PAUSE: Final = 0.1

Style = Literal["good", "bad", "warning", "dim", "bold", "plain"]
_STYLES: Final[dict[Style, str]] = {
    "good": "green",
    "bad": "bold red",
    "warning": "yellow",
    "dim": "dim",
    "bold": "bold",
    "plain": "",
}


class Exit(IntEnum):
    """
    The exit codes of commands.
    """

    FINE = 0
    BLOCKED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_JUDGED = 4
    # The code that shells use for SIGINT.
    INTERRUPTED = 130


class UnreachableError(click.ClickException):
    """
    Ends a command because no response came.
    """

    exit_code = Exit.UNREACHABLE

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class _OutputError(click.ClickException):
    """
    Ends a command that cannot write what it found.
    """

    exit_code = Exit.USAGE

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The output cannot be written: {error.strerror}. What was printed is not complete.")


class Output:
    """
    Prints the output of a command: text, or with *as_json* one JSON document. *secrets* are never shown.
    """

    def __init__(self, *, as_json: bool = False, secrets: Iterable[str] = ()) -> None:
        self.as_json = as_json
        self._secrets = Secrets(secrets)
        self.longest_secret = self._secrets.longest
        # The terminal wraps long lines: a line that is cut cannot be pasted.
        self._out = Console(soft_wrap=True, highlight=False, markup=False, emoji=False)
        self._err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def say(self, text: str = "", style: Style = "plain") -> None:
        """
        Print *text* for people; with `as_json`, print nothing.
        """
        self.spans((text, style))

    def spans(self, *parts: tuple[str, Style]) -> None:
        """
        Print one line with several styles.
        """
        if not self.as_json:
            with _written():
                self._out.print(Text.assemble(*((self.hidden(text), _STYLES[style]) for text, style in parts)))

    def data(self, value: object) -> None:
        """
        Print *value* as JSON, also without `as_json`.
        """
        with _written():
            sys.stdout.write(json.dumps(self._secrets.clean(value), indent=2, ensure_ascii=True) + "\n")
            sys.stdout.flush()

    def hidden(self, text: str) -> str:
        """
        Return *text* without secrets.
        """
        return self._secrets.hidden(text)

    @contextmanager
    def progress(self, what: str) -> Generator["Progress"]:
        """
        Print progress on stderr once something takes longer than two seconds, also if there is no progress.
        """
        progress = Progress(what, self._err)
        teller = threading.Thread(target=progress.tell, daemon=True)
        teller.start()
        try:
            yield progress
        finally:
            progress.end()
            teller.join()


@contextmanager
def _written() -> Generator[None]:
    """
    End the command with an error if writing in the `with` block fails.
    """
    try:
        yield
    except BrokenPipeError:
        # The reader has closed the pipe; click ends quietly then.
        raise
    except OSError as error:
        # The rest of the buffer would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise _OutputError(error) from error


class Progress:
    """
    The progress of something.
    """

    def __init__(self, what: str, console: Console) -> None:
        self._what = what
        self._console = console
        self._counts: tuple[int | None, int | None] = (None, None)
        self._is_over = threading.Event()

    def advance(self, done: int, total: int | None = None) -> None:
        """
        Set the progress to *done* of *total*.
        """
        self._counts = done, total

    def tell(self) -> None:
        """
        Print the progress repeatedly, until the end.
        """
        if self._is_over.wait(_PATIENCE):
            return
        on_terminal = self._console.is_terminal
        start, end, pause = ("\r\x1b[2K", "", _TERMINAL_PAUSE) if on_terminal else ("", "\n", _PAUSE)
        while True:
            done, total = self._counts
            count = f": {done}" if done is not None else ""
            self._write(f"{start}{self._what}{count}{'' if total is None else f' of {total}'}{end}")
            if self._is_over.wait(pause):
                self._write(start)
                return

    def end(self) -> None:
        self._is_over.set()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()


def printable(text: str) -> str:
    """
    Return *text*, perhaps of several lines, without characters that control a terminal.
    """
    return on_one_line(text, keep="\n\t")
