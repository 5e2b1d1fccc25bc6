"""Dead letters on a stand-in for SQS that finds nothing at first; the rest is tests/e2e's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chalicelib.jobs.delivery import SetAside
from chalicelib.kernel.records import job_to_text
from chalicelib.model.identifiers import MessageId, Region, RoomId
from operate.dead import DeadLetters, Where, about, summary
from operate.keys import Keys
from workbench.cli.main import app


class Sampling:
    """One queue of SQS whose every letter is found only after so many empty answers.

    Attributes:
        waits: `WaitTimeSeconds` of each receive.
        counted: What it says about the letters to be had, when that is not what is there.
    """

    def __init__(self, letters: int, empty: int) -> None:
        self.letters = {f"m{number}" for number in range(letters)}
        self.hidden: set[str] = set()
        self.waits: list[int] = []
        self.counted: int | None = None
        self._empty = self._left = empty

    def get_queue_url(self, *, QueueName: str) -> dict[str, str]:
        return {"QueueUrl": QueueName}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        self.waits.append(asked.get("WaitTimeSeconds", 0))
        visible = sorted(self.letters - self.hidden)
        if self._left or not visible:
            self._left -= 1
            return {}
        self._left = self._empty
        self.hidden.add(visible[0])
        return {"Messages": [{"MessageId": visible[0], "ReceiptHandle": visible[0]}]}

    def get_queue_attributes(self, *, AttributeNames: list[str], **_: str) -> dict[str, Any]:
        visible = len(self.letters - self.hidden) if self.counted is None else self.counted
        counts = {
            "ApproximateNumberOfMessages": visible,
            "ApproximateNumberOfMessagesNotVisible": len(self.hidden),
        }
        return {"Attributes": {name: str(counts[name]) for name in AttributeNames}}

    def change_message_visibility(self, *, ReceiptHandle: str, **_: Any) -> None:
        self.hidden.discard(ReceiptHandle)


@dataclass(frozen=True)
class At(Where):
    """A deployment with that SQS."""

    sqs: Sampling = field(default_factory=lambda: Sampling(0, 0))

    def client(self) -> Sampling:
        return self.sqs


def looked(sqs: Sampling) -> list[str]:
    letters = DeadLetters(At(None, None, "tidings", sqs=sqs), "delivery")
    return [message["MessageId"] for message in letters.look()]


def test_letters_that_are_not_found_at_once_are_found() -> None:
    sqs = Sampling(letters=3, empty=2)
    assert looked(sqs) == ["m0", "m1", "m2"]
    assert not sqs.hidden
    assert min(sqs.waits) > 0, "a short poll asks some of the servers only"


def test_a_queue_that_counts_none_is_asked_once() -> None:
    sqs = Sampling(letters=0, empty=0)
    assert looked(sqs) == []
    assert len(sqs.waits) == 1


def test_a_count_that_lags_is_not_waited_for_long() -> None:
    sqs = Sampling(letters=1, empty=0)
    sqs.counted = 7
    assert looked(sqs) == ["m0"]
    assert len(sqs.waits) < 10


def test_what_was_set_aside_is_named_with_its_reason() -> None:
    letter = SetAside(
        room_id=RoomId("lobby"),
        region=Region("us-east-1"),
        first_seq=3,
        seq=4,
        message_id=MessageId("01"),
        reason="KeyError at log.py:7",
        attempts=3,
        at_ms=0,
    )
    attributes = {"SentTimestamp": "0", "ApproximateReceiveCount": "1", "MessageGroupId": "lobby"}
    body = job_to_text(letter)
    row = summary({"MessageId": "m", "Body": body, "Attributes": attributes})
    assert row["kind"] == "set_aside"
    assert {name: row[name] for name in ("room_id", "first_seq", "seq", "attempts")} == {
        "room_id": "lobby",
        "first_seq": 3,
        "seq": 4,
        "attempts": 3,
    }
    assert about(row) == "us-east-1 3-4 01: KeyError at log.py:7"
    other = summary({"MessageId": "m", "Body": "[" * 100_000, "Attributes": attributes})
    assert (other["kind"], about(other)) == ("unreadable", "")


def test_without_a_stack_it_does_not_turn_to_aws(tmp_path: Path) -> None:
    for arguments in (["list"], ["purge", "--yes"], ["--prefix", "other", "redrive"]):
        env = {"TIDINGS_HOME": str(tmp_path), "AWS_DEFAULT_REGION": "us-east-1"}
        done = CliRunner().invoke(app, ["dead", *arguments], env=env)
        assert done.exit_code == 2
        assert "no local stack runs here" in done.stderr


def test_its_help_needs_no_stack(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["dead", "list", "-h"], env={"TIDINGS_HOME": str(tmp_path)})
    assert (done.exit_code, done.stderr) == (0, "")


def test_each_client_has_the_keys_of_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Where("http://127.0.0.1:9", "us-east-1", "tidings")
    for key in ("one", "two"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        assert at.client()._request_signer._credentials.access_key == key
    own = Where("http://127.0.0.1:9", "us-east-1", "tidings", Keys("local", "secret"))
    assert own.client()._request_signer._credentials.access_key == "local"
