"""SNS's XML; its requests are compared with botocore's in test_services."""

from __future__ import annotations

import pytest

from chalicelib.adapters.aws.errors import ErrorAnswer
from chalicelib.adapters.aws.query import Sns
from tests.support.aws_clients import Maker
from tests.support.hostile import Hostile, answer, raw


def test_sns_answers_in_xml(make: Maker) -> None:
    good = b'<PublishResponse xmlns="x"><PublishResult/></PublishResponse>'
    gone = (
        b"<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>Topic"
        b"</Message></Error><RequestId>abc</RequestId></ErrorResponse>"
    )
    acts = [answer(good), raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), answer(good)]
    with Hostile(*acts, answer(gone, 404), answer(b"\xff", 403)) as server:
        client = make(server.url, Sns)
        message = {"TopicArn": "arn", "Message": "m", "MessageAttributes": {}}
        client.publish(**message)
        client.publish(**message)
        assert len(server.received) == 3, "what is no answer was asked for again"
        for code, request_id in (("NotFound", "abc"), ("403", "")):
            with pytest.raises(ErrorAnswer) as raised:
                client.publish(**message)
            assert (raised.value.code, raised.value.request_id) == (code, request_id)
