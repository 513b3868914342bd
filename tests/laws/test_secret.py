"""A secret leaves through reveal() alone."""

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pydantic_core
import pytest

from contracts.secret import Secret

VALUE = "hunter2-planted-value"


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Record:
    name: str
    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        ascii,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>40}",
        lambda secret: f"{secret:s}",
        lambda secret: "%r %s" % (secret, secret),  # noqa: UP031  the leak path under test
        lambda secret: "{0} {0!r}".format(secret),  # noqa: UP032  the leak path under test
        lambda secret: str([secret, {"k": secret}]),
        lambda secret: str(_Record(name="n", secret=secret)),
        lambda secret: str(dir(secret)),
        lambda secret: str({name: getattr(secret, name) for name in type(secret).__slots__}),
    ],
)
def test_no_text_of_a_secret_holds_its_value(show: Callable[[Secret], str]) -> None:
    """However a secret is turned into text, the value is not in it."""
    assert VALUE not in show(Secret(VALUE))


@pytest.mark.parametrize(
    "serialise",
    [
        json.dumps,
        pickle.dumps,
        lambda secret: pickle.dumps(secret, protocol=0),
        copy.copy,
        copy.deepcopy,
        vars,
        hash,
        lambda secret: dataclasses.asdict(_Record(name="n", secret=secret)),
        lambda secret: json.dumps({"secret": secret}),
    ],
)
def test_a_serialiser_refuses_a_secret(serialise: Callable[[Secret], Any]) -> None:
    """What would carry the value away raises TypeError, and the error does not hold it either."""
    with pytest.raises(TypeError) as refused:
        serialise(Secret(VALUE))
    assert VALUE not in "".join(traceback.format_exception(refused.value))


def test_pydantic_refuses_a_secret() -> None:
    """Pydantic's serialiser has no way to write one."""
    with pytest.raises(pydantic_core.PydanticSerializationError):
        pydantic_core.to_json({"secret": Secret(VALUE)})


def test_a_log_line_shows_no_value(caplog: pytest.LogCaptureFixture) -> None:
    """Logging a secret, or an error that carries one, shows its place only."""
    with caplog.at_level(logging.DEBUG):
        try:
            raise ValueError(Secret(VALUE))
        except ValueError:
            logging.getLogger("law").exception("with %s and %r", Secret(VALUE), Secret(VALUE))
    assert "Secret(…)" in caplog.text
    assert VALUE not in caplog.text


def test_a_traceback_with_locals_shows_no_value() -> None:
    """A traceback that prints the locals of its frames shows no value."""
    try:
        held = Secret(VALUE)
        raise RuntimeError("failed with", held)
    except RuntimeError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "Secret(…)" in shown
    assert VALUE not in shown


def test_reveal_gives_the_value_and_equality_compares_it() -> None:
    """Two secrets of one value are equal; a secret never equals a plain string."""
    assert Secret(VALUE).reveal() == VALUE
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret("ü") != Secret("u")
    assert Secret(VALUE) != VALUE


def test_a_secret_does_not_change() -> None:
    """Nothing can be put into a secret after it was made."""
    with pytest.raises(AttributeError, match="make another one"):
        Secret(VALUE)._reveal = lambda: "other"
