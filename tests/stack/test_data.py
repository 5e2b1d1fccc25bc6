"""What a local stack keeps."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from operate.clients import client
from operate.keys import make
from workbench.stack.children import StackError, Unusable, free_port, start_ministack
from workbench.stack.data import Data

REGION = "us-east-1"


def test_the_secret_is_the_same_in_every_run(tmp_path: Path) -> None:
    secret = Data(tmp_path / "data").secret()
    assert len(secret) == 64
    assert Data(tmp_path / "data").secret() == secret
    assert stat.S_IMODE((tmp_path / "data" / "jwt_secret").stat().st_mode) == 0o600


def test_a_state_that_was_not_written_is_said(tmp_path: Path) -> None:
    data = Data(tmp_path)
    state = data.emulator()
    with pytest.raises(StackError, match="is not kept"):
        data.require_written()
    state.mkdir()
    (state / "dynamodb.json").write_text("{}")
    data.require_written()
    data.emulator()
    with pytest.raises(StackError, match="is not kept"):
        data.require_written()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unusable, match="cannot be written"):
        Data(tmp_path / "file" / "data").secret()


def test_an_emulator_keeps_its_state_under_other_keys(tmp_path: Path) -> None:
    """Each run has keys of its own."""
    data = Data(tmp_path)
    for run in range(2):
        port, keys = free_port(), make()
        kept = data.emulator()
        child = start_ministack(port, REGION, services=("sqs", "dynamodb"), keys=keys, kept=kept)
        at = f"http://127.0.0.1:{port}", REGION, keys
        sqs, dynamodb = client("sqs", *at), client("dynamodb", *at)
        try:
            assert dynamodb.list_tables()["TableNames"] == []
            if run == 0:
                url = sqs.create_queue(QueueName="q")["QueueUrl"]
                sqs.send_message(QueueUrl=url, MessageBody="kept")
            else:
                url = sqs.get_queue_url(QueueName="q")["QueueUrl"]
                received = sqs.receive_message(QueueUrl=url)["Messages"]
                assert [message["Body"] for message in received] == ["kept"]
        finally:
            child.stop()
        data.require_written()
