"""The life of an Engine.IO session, as a table."""

from __future__ import annotations

import pytest

from chalicelib.model.lifecycle import Input, Reaction, State, Step, rows, step

LIVE = (State.OPEN, State.PROBED, State.DRAINING, State.UPGRADED)


def test_every_input_has_a_step_in_every_state() -> None:
    assert len(list(rows())) == len(State) * len(Input)


@pytest.mark.parametrize(
    ("inputs", "states"),
    [
        ([Input.PUSH, Input.POLL, Input.TAKE], [State.OPEN] * 3),
        ([Input.PROBE, Input.UPGRADE, Input.EMPTIED],
         [State.PROBED, State.DRAINING, State.UPGRADED]),
        ([Input.PROBE, Input.PROBE_ENDED, Input.POLL], [State.PROBED, State.OPEN, State.OPEN]),
        ([Input.OTHER_UPGRADE, Input.PUSH, Input.EMPTIED, Input.PUSH],
         [State.DRAINING, State.DRAINING, State.UPGRADED, State.UPGRADED]),
        ([Input.POLL, Input.SECOND_POLL, Input.TAKE], [State.OPEN, State.CLOSED, State.CLOSED]),
        ([Input.PONG_OVERDUE, Input.NOTE], [State.CLOSED, State.CLOSED]),
    ],
)  # fmt: skip
def test_a_life(inputs: list[Input], states: list[State]) -> None:
    state, seen = State.OPEN, []
    for event in inputs:
        state = step(state, event).state
        seen.append(state)
    assert seen == states


@pytest.mark.parametrize("event", list(Input))
def test_what_has_ended_stays_ended(event: Input) -> None:
    found = step(State.CLOSED, event)
    assert found.state is State.CLOSED
    assert found.effect in (Reaction.REFUSE, Reaction.IGNORE, Reaction.FAREWELL)


@pytest.mark.parametrize("state", LIVE)
def test_it_can_be_closed_at_any_time(state: State) -> None:
    assert step(state, Input.CLOSE) == Step(State.CLOSED, Reaction.END)


@pytest.mark.parametrize("state", LIVE)
def test_frames_are_kept_until_a_websocket_takes_them_and_never_refused(state: State) -> None:
    expected = Reaction.FORWARD if state is State.UPGRADED else Reaction.KEEP
    assert step(state, Input.PUSH) == Step(state, expected)


@pytest.mark.parametrize("state", [State.DRAINING, State.UPGRADED])
@pytest.mark.parametrize("event", [Input.POLL, Input.SECOND_POLL, Input.LOOK, Input.OTHER_UPGRADE])
def test_polling_ends_with_the_upgrade(state: State, event: Input) -> None:
    assert step(state, event) == Step(state, Reaction.REFUSE)


@pytest.mark.parametrize("state", list(State))
def test_no_way_leads_back_from_an_upgrade(state: State) -> None:
    rank = [State.OPEN, State.PROBED, State.DRAINING, State.UPGRADED, State.CLOSED]
    for event in Input:
        after = step(state, event).state
        assert rank.index(after) >= rank.index(state) or (state, after) == (
            State.PROBED,
            State.OPEN,
        )


@pytest.mark.parametrize("state", LIVE)
def test_the_one_that_takes_over_may_begin_again(state: State) -> None:
    assert step(state, Input.UPGRADE).effect is Reaction.DRAIN
