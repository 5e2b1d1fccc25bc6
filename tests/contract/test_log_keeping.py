"""The contract of `ports.MessageLog`: entries of another region that are kept from spares."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.kernel.errors import Unavailable
from chalicelib.model.log import Committed, Duplicate, Head, Reach
from chalicelib.ports.log import MessageLog
from tests.support.stores import (
    EMPTY,
    HERE,
    LOBBY,
    NOW,
    THERE,
    deletion,
    head,
    head_of,
    message,
    write,
)
from tests.support.threads import at_once

DAY_MS = 24 * 3_600_000
FOREIGN = message(3, region=THERE, client_message_id="c-1")
KEY, DELETION = "#there#anna#c-1", "#deletion#3"


def keep(log: MessageLog, now_ms: int = NOW) -> bool:
    return log.keep(FOREIGN, KEY, DELETION, HERE, now_ms)


class TestKeep:
    def test_it_is_there_as_it_was_written(self, log: MessageLog) -> None:
        assert keep(log)
        kept = replace(FOREIGN, kept=True)
        assert log.get(LOBBY, THERE, FOREIGN.message_id) == kept
        assert log.before(LOBBY, THERE, None, 10) == [kept]

    def test_its_stream_keeps_its_head_and_this_region_s_says_how_far_it_is(
        self, log: MessageLog
    ) -> None:
        keep(log)
        assert head(log, region=THERE) == EMPTY
        assert head(log, region=THERE).reach == {}
        assert head(log) == EMPTY
        assert head(log).reach == {THERE: Reach(3, FOREIGN.message_id, 0)}

    def test_this_region_goes_on_writing(self, log: MessageLog) -> None:
        keep(log)
        write(log, message(1), message(2))
        assert head(log) == Head(2, message(2).message_id)
        assert head(log).reach == {THERE: Reach(3, FOREIGN.message_id, 0)}

    def test_it_reaches_no_less_when_an_earlier_one_is_kept(self, log: MessageLog) -> None:
        keep(log)
        earlier = message(2, region=THERE)
        assert log.keep(earlier, None, "#deletion#2", HERE, NOW)
        assert head(log).reach == {THERE: Reach(3, FOREIGN.message_id, 0)}

    def test_its_resend_is_found_for_the_rest_of_a_day(self, log: MessageLog) -> None:
        keep(log)
        first = Duplicate(FOREIGN.message_id, THERE, 3, FOREIGN.timestamp_ms)
        assert log.find(LOBBY, KEY, FOREIGN.timestamp_ms + DAY_MS - 1) == first
        assert log.find(LOBBY, KEY, FOREIGN.timestamp_ms + DAY_MS) is None

    def test_a_day_later_its_key_is_free(self, log: MessageLog) -> None:
        other = message(4, region=THERE, timestamp_ms=NOW + DAY_MS + 5)
        assert log.keep(other, KEY, "#deletion#4", HERE, NOW + DAY_MS + 6)
        assert keep(log, NOW + DAY_MS + 7)
        found = log.find(LOBBY, KEY, NOW + DAY_MS + 8)
        assert found is not None
        assert found.seq == 4

    def test_what_is_here_stays(self, log: MessageLog) -> None:
        write(log, replace(FOREIGN, seq=1))
        log.mark_deleted(replace(FOREIGN, seq=1))
        assert not keep(log)
        here = log.get(LOBBY, THERE, FOREIGN.message_id)
        assert here is not None
        assert (here.deleted, here.content, here.kept) == (True, None, False)

    def test_again_is_nothing(self, log: MessageLog) -> None:
        assert keep(log)
        assert not keep(log)

    def test_with_its_dedupe_item_here(self, log: MessageLog) -> None:
        other = message(1, region=THERE)
        assert log.commit(other, EMPTY, KEY, NOW) == Committed()
        assert keep(log)

    def test_not_if_it_was_deleted(self, log: MessageLog) -> None:
        other = message(1, region=THERE)
        assert log.commit(other, EMPTY, DELETION, NOW) == Committed()
        assert not keep(log)
        assert log.get(LOBBY, THERE, FOREIGN.message_id) is None

    def test_of_racing_workers_one_keeps_it(self, log: MessageLog) -> None:
        kept: list[bool] = []

        def work(_: int) -> None:
            while True:  # a conflict is an error to try again
                try:
                    kept.append(keep(log))
                    return
                except Unavailable:
                    continue

        at_once(6, work)
        assert sorted(kept) == [False] * 5 + [True]


def test_a_kept_deletion_keeps_its_target_s_mark_for_the_worker(log: MessageLog) -> None:
    target = message(1)
    write(log, target)
    entry = deletion(2, target, region=THERE)
    assert log.keep(entry, "#deletion#1", "#deletion#2", HERE, NOW)
    assert log.get(LOBBY, THERE, entry.message_id) == replace(entry, kept=True)


class TestPassOver:
    def test_it_is_noted_with_this_region_s_head(self, log: MessageLog) -> None:
        keep(log)
        log.pass_over((LOBBY, THERE), 2, HERE)
        assert head(log).reach == {THERE: Reach(3, FOREIGN.message_id, 2)}

    def test_it_only_rises(self, log: MessageLog) -> None:
        for seq in (2, 5, 4):
            log.pass_over((LOBBY, THERE), seq, HERE)
        assert head(log).reach[THERE].passed == 5


class TestRestoreHead:
    def test_the_stream_goes_on_behind_it(self, log: MessageLog) -> None:
        write(log, message(1))
        third = message(3)
        log.restore_head((LOBBY, HERE), Reach(3, third.message_id))
        assert head(log) == head_of(third)
        assert log.commit(message(4), head_of(third), None, NOW) == Committed()

    def test_it_never_goes_back(self, log: MessageLog) -> None:
        write(log, message(1), message(2))
        log.restore_head((LOBBY, HERE), Reach(1, message(1).message_id))
        assert head(log) == head_of(message(2))

    def test_of_a_room_without_a_head(self, log: MessageLog) -> None:
        log.restore_head((LOBBY, HERE), Reach(3, message(3).message_id))
        assert head(log) == head_of(message(3))

    def test_writers_see_what_others_have_kept(self, log: MessageLog) -> None:
        keep(log)
        found = log.elsewhere(LOBBY, [HERE], [], NOW).heads[HERE]
        assert found.reach == {THERE: Reach(3, FOREIGN.message_id, 0)}


class TestMarkDeleted:
    def test_its_content_is_gone(self, log: MessageLog) -> None:
        keep(log)
        log.mark_deleted(FOREIGN)
        log.mark_deleted(FOREIGN)
        here = log.get(LOBBY, THERE, FOREIGN.message_id)
        assert here == replace(FOREIGN, kept=True, deleted=True, content=None)

    def test_what_is_not_here_stays_away(self, log: MessageLog) -> None:
        log.mark_deleted(FOREIGN)
        assert log.get(LOBBY, THERE, FOREIGN.message_id) is None


def test_a_dedupe_key_is_noted_as_its_own_region_writes_it(log: MessageLog) -> None:
    for _ in range(2):
        log.note_dedupe(FOREIGN, KEY, NOW)
    first = Duplicate(FOREIGN.message_id, THERE, FOREIGN.seq, FOREIGN.timestamp_ms)
    assert log.find(LOBBY, KEY, NOW) == first
    assert log.find(LOBBY, KEY, FOREIGN.timestamp_ms + DAY_MS) is None
    log.note_dedupe(FOREIGN, "#there#anna#other", FOREIGN.timestamp_ms + DAY_MS)
    assert log.find(LOBBY, "#there#anna#other", NOW) is None, "its day is over"
