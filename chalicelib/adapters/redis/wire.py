"""Send commands to Redis nodes and read their answers, in one round trip for each node.

redis-py's pipelines are not used: in a cluster they wait for one node after the other, and if a
node does not answer, each thread asks all other nodes about it before it gives up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

Words = tuple[Any, ...]


class _Exchange:
    """The commands to one node, over a socket taken from its pool.

    Attributes:
        commands: The commands by number.
        fault: Set if the socket closed before everything was answered.
    """

    def __init__(self, node: Any, commands: dict[int, Words]) -> None:
        self.commands = commands
        self.fault: Exception | None = None
        self._node = node
        self._socket = node.connection_pool.get_connection()  # reopened if it was closed
        self._owed = False

    def write(self) -> None:
        from redis.exceptions import ConnectionError as Disconnected

        self._owed = True
        try:
            self._socket.send_packed_command(self._socket.pack_commands(self.commands.values()))
        except Disconnected as fault:
            self.fault = fault

    def read(self) -> dict[int, Any]:
        """The answers by number; for a command that the server refused, its exception."""
        from redis.exceptions import ConnectionError as Disconnected

        if self.fault is None:
            try:
                answers = {number: self._answer(each) for number, each in self.commands.items()}
                self._owed = False
                return answers
            except Disconnected as fault:
                if type(fault) is not Disconnected:
                    raise  # a subclass: the server answered that it is loading, or refused us
                self.fault = fault
        return dict.fromkeys(self.commands, self.fault)

    def _answer(self, command: Words) -> Any:
        from redis.exceptions import ResponseError

        try:
            return self._node.parse_response(self._socket, command[0])
        except ResponseError as fault:
            return fault

    def close(self) -> None:
        """Return the socket to its pool; close it if answers are still outstanding."""
        if self._owed:
            self._socket.disconnect()
        self._node.connection_pool.release(self._socket)


def exchange(asked: Sequence[tuple[Any, Words]]) -> list[Any]:
    """Send commands to their nodes; return the answers in this order.

    The answer to a command that the server refused is its exception. If a socket closed, the
    answer is a `ConnectionError`: the command may have been executed.

    Args:
        asked: Pairs of redis-py's client of a node and a command for it.

    Raises:
        redis.exceptions.ConnectionError: A socket cannot be opened; nothing was sent to any node.
        redis.exceptions.TimeoutError: A node did not answer in time. The others are then not
            waited for, so that a cluster that hangs costs no more time than one node.
    """
    by_node: dict[Any, dict[int, Words]] = {}
    for number, (node, command) in enumerate(asked):
        by_node.setdefault(node, {})[number] = command
    with ExitStack() as closing:
        exchanges = []
        for node, commands in by_node.items():
            exchanges.append(_Exchange(node, commands))
            closing.callback(exchanges[-1].close)
        for each in exchanges:
            each.write()
        answers = {n: answer for each in exchanges for n, answer in each.read().items()}
    return [answers[number] for number in range(len(asked))]
