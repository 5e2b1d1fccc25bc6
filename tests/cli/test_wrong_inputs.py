"""Every command and every wrong input: one sentence and an exit code, never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from operate import http
from tests.support.commands import GOOD, KINDS, NO_KIND, SUSPECT, commands
from tests.support.servers import answering
from tests.support.servers import http as answer
from workbench.cli.main import app

WRONG = {
    "url": (
        "", "127.0.0.1:8080", "localhost", "ws://127.0.0.1:8080/ws", "ftp://127.0.0.1", "http://",
        "http://:8080", "http://127.0.0.1:99999", "http://127.0.0.1:0", "http://127.0.0.1:x",
        "http://127.0.0.1:8080/v1/health", "http://127.0.0.1?a=b", "http://a b", "http://[::1",
        "http://me:secret@127.0.0.1",
    ),
    "user": ("", "bob smith", ".bob", "böb", "b" * 129, "a/b", "bob\n", "__proto__"),
    "room": ("", "a room", ".room", "r" * 65, "a/b", "rööm", "room\n", "constructor"),
    "region": ("", "here", "us-east", "us_east_1", "us-east-1a", "us-east-1 ", "../x"),
    "regions": (",", "here", "us-east-1,us-east-1", "us-east-1;eu-west-1", "us-east-1,../x"),
    "port": ("", "99999", "-1", "eighty", "1.5"),
}  # fmt: skip
CALLS = [
    pytest.param(command.with_value(parameter, value), id=f"{command.name} {parameter.name} {at}")
    for command in commands()
    for parameter in command.all_parameters()
    for at, value in enumerate(WRONG.get(KINDS.get(parameter.name, ""), ()))
]  # fmt: skip
ASK_URL = [
    (command, parameter)
    for command in commands()
    for parameter in command.parameters
    # The doctor's finding is that there is no service: tests/operate/doctor.
    if parameter.name == "url" and command.name != "doctor"
]


def tidings(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="tidings", input="")


def sentence(done: Result) -> str:
    """What it said on standard error, which is one line."""
    assert isinstance(done.exception, SystemExit), done.exception
    [line] = done.stderr.splitlines()
    assert line.startswith("tidings: "), line
    return line.removeprefix("tidings: ")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "REGION", "REGIONS", "TIDINGS_URL"):
        monkeypatch.delenv(name, raising=False)


def test_every_parameter_with_such_a_name_is_of_a_kind() -> None:
    for command in commands():
        for each in command.all_parameters():
            if any(word in each.name for word in SUSPECT) and each.name not in NO_KIND:
                assert each.name in KINDS, f"{command.name}: {each.name} is not tested"


@pytest.mark.parametrize("arguments", CALLS)
def test_what_is_asked_wrongly(arguments: list[str]) -> None:
    done = tidings(*arguments)
    assert done.exit_code == 2
    assert sentence(done)
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "No such command 'nonsense'"),
        (["token"], "Missing argument 'USER'"),
        (["token", "alice", "--nonsense"], "No such option: --nonsense"),
        (["token", "alice", "--expires-in", "0"], "greater than or equal to 1"),
        (["token", "alice", "--expires-in", "9" * 30], "less than or equal to"),
        (["token", "alice", "--role", "admn"], "'admn' is not one of 'service', 'admin'"),
        (["token", "alice", "bob"], "unexpected extra argument"),
        (["token", "alice", "--url", "127.0.0.1:1"], "write http://127.0.0.1:1"),
        (["token", "alice", "--url", "wss://h/ws"], "write https://h"),
        (["token", "alice", "--url", "https://h:1/v1"], "write https://h:1"),
        (["dead", "list", "--queue", "nonsense"], "choose delivery or outbound"),
        (["package", "--architecture", "pdp11"], "pdp11"),
    ],
)  # fmt: skip
def test_it_says_what_to_do(arguments: list[str], words: str) -> None:
    done = tidings(*arguments)
    assert done.exit_code == 2
    assert words in sentence(done)


def test_a_slash_at_the_end_is_none_of_the_users_faults() -> None:
    done = tidings("token", "alice", "--url", "http://127.0.0.1:9//")
    assert (done.exit_code, "http://127.0.0.1:9:" in sentence(done)) == (1, True)


HTML = answer("400 Bad Request", "<html>The plain HTTP request was sent to HTTPS port</html>")
NOT_TIDINGS = {
    "html": (HTML, "is not Tidings: check the address, and http or https"),
    "no object": (answer("200 OK", '["a list"]'), "is not Tidings"),
    "another object": (answer("200 OK", '{"hello": 1}'), ""),
    "another error": (answer("500 No", '{"error": "text"}'), ""),
    "another 404": (answer("404 No", '{"detail": "Not Found"}'), ""),
    "redirect": (answer("301 Moved", "", "location: https://h/"), "redirects to https://h/"),
    "no HTTP": (b"220 mail.example.com ESMTP\r\n", "is not Tidings"),
    "hangs up": (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", ""),
}


@pytest.fixture(scope="module")
def strangers() -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(answering(it)) for name, (it, _) in NOT_TIDINGS.items()}


@pytest.mark.parametrize("kind", NOT_TIDINGS)
@pytest.mark.parametrize(("command", "parameter"), ASK_URL, ids=lambda it: it.name)
def test_what_answers_is_not_tidings(
    command: Any, parameter: Any, kind: str, strangers: dict[str, str]
) -> None:
    done = tidings(*command.with_value(parameter, strangers[kind]))
    assert done.exit_code == 1
    assert NOT_TIDINGS[kind][1] in sentence(done)


@pytest.mark.parametrize(("command", "parameter"), ASK_URL, ids=lambda it: it.name)
def test_nobody_is_there(command: Any, parameter: Any) -> None:
    done = tidings(*command.with_value(parameter, GOOD["url"]))
    assert done.exit_code == 1
    assert f"nothing answers at {GOOD['url']}: start it" in sentence(done)


@pytest.mark.parametrize(("command", "parameter"), ASK_URL, ids=lambda it: it.name)
def test_https_where_http_is_spoken(
    command: Any, parameter: Any, strangers: dict[str, str]
) -> None:
    url = strangers["html"].replace("http", "https", 1)
    done = tidings(*command.with_value(parameter, url))
    assert done.exit_code == 1
    assert "does not speak TLS: use http:// instead of https://" in sentence(done)


@pytest.mark.parametrize(("command", "parameter"), ASK_URL, ids=lambda it: it.name)
def test_no_such_host(command: Any, parameter: Any) -> None:
    done = tidings(*command.with_value(parameter, "http://nowhere.invalid"))
    assert done.exit_code == 1
    assert "the host of http://nowhere.invalid was not found" in sentence(done)


def test_a_host_that_never_answers() -> None:
    with answering(b"") as url:
        done = tidings("status", "--url", url)
    assert done.exit_code == 1
    assert f"{url} does not answer" in sentence(done)


async def test_how_long_it_is_waited_for() -> None:
    with answering(b"") as url, pytest.raises(http.NoAnswerError, match="does not answer"):
        await http.request("GET", url, within_s=0.1)
