"""Commands to nodes of Redis and their answers back, in one round trip for each node.

Not redis-py's pipelines: those of a cluster wait for one node after the other, and where one does
not answer, each thread asks all others about it before it gives up.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

Words = tuple[Any, ...]


class _Exchange:
    """What one node is asked, over a socket that is taken for it.

    Attributes:
        commands: By their numbers.
        fault: The end of the socket, before everything was answered.
    """

    def __init__(self, node: Any, commands: dict[int, Words]) -> None:
        self.commands = commands
        self.fault: Exception | None = None
        self._node = node
        self._socket = node.connection_pool.get_connection()  # opened again if it was closed
        self._owed = False

    def write(self) -> None:
        from redis.exceptions import ConnectionError as Disconnected

        self._owed = True
        try:
            self._socket.send_packed_command(self._socket.pack_commands(self.commands.values()))
        except Disconnected as fault:
            self.fault = fault

    def read(self) -> dict[int, Any]:
        """The answers by number; what the server refused is answered with its fault."""
        from redis.exceptions import ConnectionError as Disconnected

        if self.fault is None:
            try:
                answers = {number: self._answer(each) for number, each in self.commands.items()}
                self._owed = False
                return answers
            except Disconnected as fault:
                if type(fault) is not Disconnected:
                    raise  # what is derived was answered: it is loading, or refuses who we are
                self.fault = fault
        return dict.fromkeys(self.commands, self.fault)

    def _answer(self, command: Words) -> Any:
        from redis.exceptions import ResponseError

        try:
            return self._node.parse_response(self._socket, command[0])
        except ResponseError as fault:
            return fault

    def close(self) -> None:
        """Give the socket back; to nobody's use while answers to us may come over it."""
        if self._owed:
            self._socket.disconnect()
        self._node.connection_pool.release(self._socket)


def exchange(asked: Sequence[tuple[Any, Words]]) -> list[Any]:
    """Send commands to their nodes; the answers, in this order.

    What the server refuses is answered with its fault, and with a `ConnectionError` what went
    over a socket that ended: it may have been done.

    Args:
        asked: redis-py's client of a node, and a command for it.

    Raises:
        redis.exceptions.ConnectionError: A socket cannot be opened; nothing was sent to any node.
        redis.exceptions.TimeoutError: A node did not answer in time. The others are not waited
            for then: a cluster that hangs costs no more than one node does.
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
