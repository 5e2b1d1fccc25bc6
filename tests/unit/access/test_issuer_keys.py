"""Keys of an issuer that rotates them, is away, or answers with something else."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from jwt.algorithms import RSAAlgorithm

from chalicelib.access.issuer_keys import FRESH_MS, PAUSE_MS, STALE_MS, IssuerKeys, parse
from chalicelib.adapters.memory import MemoryIssuer
from chalicelib.kernel.errors import TokenFault, Unauthorized, Unavailable
from tests.support.issuers import FakeIssuer, private_key, public
from tests.support.world import FakeClock


def private(kid: str) -> dict[str, Any]:
    """An RSA key that its issuer should not have published."""
    known = json.loads(RSAAlgorithm.to_jwk(private_key(kid, "RS256")))
    return {**known, "alg": "RS256", "use": "sig"}


class Hanging(MemoryIssuer):
    """An issuer that answers when it is released."""

    def __init__(self, text: str | None) -> None:
        super().__init__(text)
        self.asked, self.released = threading.Event(), threading.Event()

    def key_set(self) -> str:
        self.asked.set()
        assert self.released.wait(30)
        return super().key_set()


class Kept:
    """Keys that are kept, their issuer, and the time."""

    def __init__(self) -> None:
        self.signer = FakeIssuer(one="ES256")
        self.issuer = MemoryIssuer(self.signer.key_set())
        self.clock = FakeClock()
        self.keys = IssuerKeys(self.issuer, self.clock)

    def publish(self, **keys: str) -> None:
        self.issuer.text = FakeIssuer(**keys).key_set()

    def hang(self) -> Hanging:
        self.keys._issuer = hanging = Hanging(self.issuer.text)
        return hanging

    def finds(self, kid: str | None, algorithm: str = "ES256") -> bool:
        try:
            return self.keys.find(kid, algorithm).key_id is not None
        except Unauthorized as refused:
            if refused.reason is not TokenFault.UNKNOWN_KEY:
                raise
            return False

    def unsure(self, kid: str | None, algorithm: str = "ES256") -> int | None:
        """The milliseconds after which it may be known whether there is such a key."""
        with pytest.raises(Unavailable) as raised:
            self.keys.find(kid, algorithm)
        return raised.value.retry_after_ms


@pytest.fixture
def kept() -> Kept:
    return Kept()


def test_keys_are_fetched_once_in_five_minutes(kept: Kept) -> None:
    assert all(kept.finds("one") for _ in range(100))
    kept.clock.ms += FRESH_MS - 1
    assert kept.finds("one")
    assert kept.issuer.fetches == 1
    kept.clock.ms += 1
    assert kept.finds("one")
    assert kept.issuer.fetches == 2


def test_a_withdrawn_key_is_accepted_for_five_minutes_more(kept: Kept) -> None:
    assert kept.finds("one")
    kept.publish(two="ES256")
    kept.clock.ms += FRESH_MS - 1
    assert kept.finds("one")
    kept.clock.ms += 1
    assert kept.finds("one") is False


def test_a_new_key_is_found_at_once(kept: Kept) -> None:
    assert kept.finds("one")
    kept.clock.ms += PAUSE_MS
    kept.publish(one="ES256", two="RS256")
    assert kept.finds("two", "RS256")
    assert kept.finds("one")
    assert kept.issuer.fetches == 2


def test_a_thousand_made_up_keys_cost_one_fetch(kept: Kept) -> None:
    assert kept.finds("one")
    kept.clock.ms += PAUSE_MS
    assert not kept.finds("made up")
    assert {kept.unsure(f"made up {n}") for n in range(1000)} == {PAUSE_MS}
    assert kept.issuer.fetches == 2
    kept.publish(one="ES256", two="ES256")
    kept.clock.ms += PAUSE_MS - 1
    assert kept.unsure("two") == 1, "nobody throws away a token that may be good"
    kept.clock.ms += 1
    assert kept.finds("two"), "strangers cannot keep a new key out for longer"
    assert kept.issuer.fetches == 3


def test_keys_serve_on_for_a_day_while_the_issuer_is_away(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "chalicelib")
    assert kept.finds("one")
    text, kept.issuer.text = kept.issuer.text, None
    kept.clock.ms += FRESH_MS
    assert all(kept.finds("one") for _ in range(100))
    assert kept.issuer.fetches == 2, "it is not asked for every token"
    [stale] = [json.loads(each) for each in caplog.messages if "issuer_keys_stale" in each]
    assert (stale["level"], stale["age_s"]) == ("WARNING", FRESH_MS // 1000)
    kept.clock.ms += STALE_MS - FRESH_MS - 1
    assert kept.finds("one")
    kept.clock.ms += PAUSE_MS
    with pytest.raises(Unavailable):
        kept.finds("one")
    kept.issuer.text = text
    kept.clock.ms += PAUSE_MS
    assert kept.finds("one")


def test_while_the_issuer_is_away_nobody_knows_whether_a_key_is_new(kept: Kept) -> None:
    assert kept.finds("one")
    kept.issuer.text = None
    kept.clock.ms += PAUSE_MS
    assert {kept.unsure("two") for _ in range(100)} == {PAUSE_MS}
    assert kept.issuer.fetches == 2


def test_a_key_is_unknown_only_right_after_an_answer(kept: Kept) -> None:
    """A new key may have been published since: clients throw away what is `unknown_key`."""
    assert kept.finds("one")
    kept.publish(one="ES256", two="ES256")
    kept.clock.ms += 1
    assert kept.unsure("two") == PAUSE_MS - 1
    kept.clock.ms += PAUSE_MS - 1
    assert kept.finds("two")
    assert kept.issuer.fetches == 2


def test_an_answer_on_the_way_is_older_than_the_token(kept: Kept) -> None:
    """Who came before the fetch began learns from it that a key is unknown, nobody else does."""
    assert kept.finds("one")
    kept.clock.ms += PAUSE_MS
    hanging = kept.hang()
    before: list[bool] = []
    first = threading.Thread(target=lambda: before.append(kept.finds("two")))
    first.start()
    assert hanging.asked.wait(30)
    after: list[int | None] = []
    second = threading.Thread(target=lambda: after.append(kept.unsure("two")))
    second.start()
    hanging.released.set()
    first.join()
    second.join()
    assert (before, after) == ([False], [PAUSE_MS])


def test_an_issuer_that_hangs_delays_a_known_key_once_in_five_minutes(kept: Kept) -> None:
    """A process of Lambda handles one request at a time, so that each fetch delays a token."""
    assert kept.finds("one")
    kept.issuer.text = None
    for n in range(1, 4):
        kept.clock.ms += FRESH_MS - 1
        assert kept.finds("one")
        assert kept.issuer.fetches == n
        kept.clock.ms += 1
        assert kept.finds("one")
        assert kept.issuer.fetches == n + 1
    kept.clock.ms += PAUSE_MS
    assert kept.unsure("two") == PAUSE_MS, "an unknown one is worth another try"
    assert kept.issuer.fetches == 5


def test_keys_are_fresh_again_when_a_new_key_was_found(kept: Kept) -> None:
    assert kept.finds("one")
    kept.issuer.text = None
    kept.clock.ms += FRESH_MS
    assert kept.finds("one")
    kept.publish(two="ES256")
    kept.clock.ms += PAUSE_MS
    assert kept.finds("two")
    kept.unsure("one")


def test_an_issuer_that_was_never_there_is_asked_again_soon(kept: Kept) -> None:
    text, kept.issuer.text = kept.issuer.text, None
    for _ in range(100):
        with pytest.raises(Unavailable) as raised:
            kept.finds("one")
    assert kept.issuer.fetches == 1
    kept.issuer.text = text
    kept.clock.ms += raised.value.retry_after_ms or 0
    assert kept.finds("one")


BAD = ("", "<html>", "[]", "{}", '{"keys": 1}', '{"keys": []}', "[" * 100_000, '{"keys": ["x", 1]}')


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:20])
def test_an_answer_that_is_no_key_set_is_no_answer(kept: Kept, text: str) -> None:
    assert kept.finds("one")
    kept.issuer.text = text
    kept.clock.ms += FRESH_MS
    assert kept.finds("one")
    with pytest.raises(Unavailable):
        kept.finds("two")


GOOD, RSA = public("one", "ES256"), public("two", "RS256")
OTHER_USES = [
    {**GOOD, "kid": "encryption", "use": "enc"},
    {**RSA, "kid": "rs512", "alg": "RS512"},
    {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
    {"kty": "oct", "kid": "x"},
    {"kty": "OKP", "crv": "Ed25519", "kid": "x"},
    {"kty": ["RSA"], "kid": "x"},
    {"kid": "nothing"},
    "text",
]
UNREADABLE = [
    {**GOOD, "kid": "curve", "crv": "P-999"},
    {**GOOD, "kid": "numbers", "x": 7},
    {**GOOD, "kid": ["a"]},
    {**GOOD, "kid": {}},
    {**GOOD, "kid": 7},
    {**GOOD, "kid": "algorithm", "alg": ["ES256"]},
    {**GOOD, "kid": "private", "d": GOOD["x"]},
    {**RSA, "kid": "type", "n": []},
    {**RSA, "kid": "none", "alg": "none"},
    {**private("two"), "kid": "private"},
    {"kty": "RSA", "kid": "x"},
]


@pytest.mark.parametrize("other", [*OTHER_USES, *UNREADABLE])
def test_a_key_that_cannot_be_used_does_not_spoil_the_others(kept: Kept, other: Any) -> None:
    """Nor does a set of such keys alone replace those that are kept."""
    kept.issuer.text = json.dumps({"keys": [other, GOOD]})
    assert kept.finds("one")
    kept.issuer.text = json.dumps({"keys": [other]})
    for _ in range(3):
        kept.clock.ms += FRESH_MS
        assert all(kept.finds("one") for _ in range(10))
    assert kept.issuer.fetches == 4


def test_what_is_left_out_is_logged_once_for_each_set(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "chalicelib")
    assert set(parse(json.dumps({"keys": [*OTHER_USES, *UNREADABLE, GOOD]}))) == {
        ("one", "ES256"),
        (None, "ES256"),
    }
    [line] = [json.loads(each) for each in caplog.messages]
    assert (line["level"], line["event"]) == ("WARNING", "issuer_keys_left_out")
    assert line["count"] == len(UNREADABLE)
    assert "NotImplementedError" in line["why"]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_a_key_need_not_name_its_algorithm_and_use(algorithm: str) -> None:
    known = public("one", algorithm)
    bare = {name: value for name, value in known.items() if name not in ("alg", "use")}
    assert ("one", algorithm) in parse(json.dumps({"keys": [bare]}))


def test_a_key_is_for_its_own_algorithm(kept: Kept) -> None:
    assert kept.finds("one", "ES256")
    kept.clock.ms += PAUSE_MS
    assert not kept.finds("one", "RS256")


def test_a_token_without_kid_is_of_the_only_key(kept: Kept) -> None:
    assert kept.finds(None)
    kept.clock.ms += PAUSE_MS
    assert not kept.finds(None, "RS256")
    kept.publish(one="ES256", two="ES256")
    kept.clock.ms += FRESH_MS
    assert not kept.finds(None)


@pytest.mark.parametrize("kids", [(None, None), (None, "two"), ("one", "one")], ids=str)
def test_a_token_without_kid_is_not_of_one_key_among_several(
    kept: Kept, kids: tuple[str | None, ...]
) -> None:
    keys = [public(f"key {n}", "ES256") for n in range(2)]
    named = [{**key, "kid": kid} for key, kid in zip(keys, kids, strict=True)]
    known = [{name: value for name, value in key.items() if value is not None} for key in named]
    kept.issuer.text = json.dumps({"keys": [*known, public("three", "RS256")]})
    assert not kept.finds(None)


def test_a_key_without_kid_is_found_if_it_is_the_only_one(kept: Kept) -> None:
    bare = {name: value for name, value in GOOD.items() if name != "kid"}
    kept.issuer.text = json.dumps({"keys": [bare]})
    assert not kept.finds("one")
    assert kept.keys.find(None, "ES256").algorithm_name == "ES256"


def test_threads_that_come_at_once_cause_one_fetch(kept: Kept) -> None:
    gate = threading.Barrier(8)
    found: list[bool] = []

    def come() -> None:
        gate.wait()
        found.append(kept.finds("one"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found, kept.issuer.fetches) == ([True] * 8, 1)


def test_a_known_key_does_not_wait_for_the_issuer(kept: Kept) -> None:
    """One thread asks an issuer that hangs; the others go on with the keys that are there."""
    assert kept.finds("one")
    kept.clock.ms += FRESH_MS
    hanging = kept.hang()
    first = threading.Thread(target=kept.finds, args=("one",))
    first.start()
    assert hanging.asked.wait(30)
    assert kept.finds("one")
    hanging.released.set()
    first.join()
