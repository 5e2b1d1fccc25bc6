"""The dearest request of each other kind: handshakes, frames, packets, polls, and ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from chalicelib.entrypoints import websocket
from chalicelib.entrypoints.http import rest
from chalicelib.entrypoints.socketio import polling
from chalicelib.membership.friends import MAX_FRIENDS
from chalicelib.sessions.engine import MAX_PAYLOAD
from chalicelib.wire.engineio import MAX_PACKETS, SEPARATOR

from .kinds import Kinds
from .region import Measured
from .scene import ME, Scene

_MOST_FRAME = 128 * 1024  # of API Gateway
_BAD = "x" * (_MOST_FRAME - 1)
CONNECTIONS = Kinds()


@CONNECTIONS.of(
    "connect, JSON", f"the first device of a user with {MAX_FRIENDS:,} friends, all there"
)
def connect() -> Measured:
    scene = Scene()
    scene.connect_many(scene.friends(MAX_FRIENDS))
    return _connect(scene, {"token": scene.token(ME)}, 200)


@CONNECTIONS.of("disconnect, JSON", "the last device of the same user, who comes back no more")
def disconnect() -> Measured:
    scene = Scene()
    scene.connect_many(scene.friends(MAX_FRIENDS))
    device = scene.connect(ME)
    scene.settle()
    return _disconnect(scene, device)


@CONNECTIONS.of("disconnect, JSON", "a device that has 1,000 rooms open")
def disconnect_viewing() -> Measured:
    scene = Scene()
    device = scene.connect(ME)
    scene.open_all(device, scene.rooms(scene.settings.max_rooms))
    return _disconnect(scene, device)


@CONNECTIONS.of("connect, JSON: one too many", "the 51st device")
def connect_too_many() -> Measured:
    scene = Scene()
    for number in range(scene.settings.max_connections):
        scene.connect_device(ME, f"{number}=")
    scene.settle()
    return _connect(scene, {"token": scene.token(ME)}, 429)


@CONNECTIONS.of("a frame that is not valid, JSON", "128 KB")
def bad_frame() -> Measured:
    scene = Scene()
    device = scene.connect(ME)
    scene.settle()
    return _frame(scene, device, "{" + _BAD)


@CONNECTIONS.of("a frame over the limit, JSON", "128 KB; refused", refused="refused")
def refused_frame() -> Measured:
    scene = Scene()
    device = scene.connect(ME)
    frame = json.dumps({"action": "set_status", "data": {"status": "away"}})
    while "rate_limited" not in scene.say(device, frame):
        pass
    scene.settle()
    return _frame(scene, device, frame + " " * (_MOST_FRAME - len(frame)))


@CONNECTIONS.of(
    "CONNECT, Socket.IO", f"with recovery, in 1,000 rooms and of {MAX_FRIENDS:,} friends"
)
def namespace() -> Measured:
    scene = Scene()
    scene.friends(MAX_FRIENDS)
    scene.rooms(scene.settings.max_rooms)
    scene.handshake("s=")
    payload = {"token": scene.token(ME), "recovery": True}
    return _frame(scene, "s=", "40" + json.dumps(payload), answered=False)


@CONNECTIONS.of("DISCONNECT, Socket.IO", "")
def leave_namespace() -> Measured:
    scene = Scene()
    device = scene.connect_stock("s")
    return _frame(scene, device, "41", answered=False)


@CONNECTIONS.of("end of a session, Socket.IO", "with recovery")
def end_session() -> Measured:
    scene = Scene()
    device = scene.connect_stock("s", recovery=True)
    return _disconnect(scene, device)


@CONNECTIONS.of("a poll, Socket.IO", "nothing comes; the longest hold")
def poll() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    scene.poll("POST", {"sid": sid}, "40" + json.dumps({"token": scene.token(ME)}))
    scene.poll("GET", {"sid": sid})
    scene.settle()
    return _polled(scene, "GET", {"sid": sid})


@CONNECTIONS.of("a POST of polling, Socket.IO", f"{MAX_PACKETS:,} pongs")
def post_packets() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    scene.poll("POST", {"sid": sid}, "40" + json.dumps({"token": scene.token(ME)}))
    scene.later(60)
    scene.settle()
    packets = SEPARATOR.join(["3"] * (MAX_PACKETS - 5))
    return _polled(scene, "POST", {"sid": sid}, packets)


@CONNECTIONS.of("an upgrade, Socket.IO", "from polling to a websocket, to the end")
def upgrade() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    scene.poll("POST", {"sid": sid}, "40" + json.dumps({"token": scene.token(ME)}))
    scene.poll("GET", {"sid": sid})
    scene.settle()

    def act() -> str:
        query = {"EIO": "4", "transport": "websocket", "sid": sid}
        event = scene.event("w=", "CONNECT", queryStringParameters=query)
        if websocket.connect(scene.services, event)["statusCode"] != 200:
            raise RuntimeError("not connected")
        for frame in ("2probe", "5"):
            scene.say("w=", frame)
        return ""

    return scene.measure("websocket_message", act, frame=2)


@CONNECTIONS.of("connect without a token, JSON", "", "stranger")
def stranger_connect() -> Measured:
    return _connect(Scene(), {}, 401)


@CONNECTIONS.of(
    "handshake of a websocket, Socket.IO", "and its end, as no CONNECT comes", "stranger"
)
def stranger_session() -> Measured:
    return Scene().open_session("s=")


@CONNECTIONS.of("handshake of polling, Socket.IO", "the same", "stranger")
def stranger_polling() -> Measured:
    return _polled(Scene(), "GET", {})


@CONNECTIONS.of(
    "an event before CONNECT, Socket.IO", "waits in vain, and ends its session", "stranger"
)
def stranger_event() -> Measured:
    scene = _session()
    event = "42" + json.dumps(["hello", {}])
    return _frame(scene, "s=", event + " " * (_MOST_FRAME - len(event)), answered=False)


@CONNECTIONS.of("CONNECT with a bad token, Socket.IO", "", "stranger")
def stranger_namespace() -> Measured:
    return _frame(_session(), "s=", "40" + json.dumps({"token": "x"}))


@CONNECTIONS.of("a packet that changes nothing, Socket.IO", "a pong before CONNECT", "stranger")
def stranger_pong() -> Measured:
    return _frame(_session(), "s=", "3", answered=False)


@CONNECTIONS.of(
    "a POST of polling, Socket.IO",
    f"{MAX_PACKETS:,} pongs before CONNECT, which end the session",
    "stranger",
)
def stranger_packets() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    packets = SEPARATOR.join(["3"] * (MAX_PACKETS - 5))
    return _polled(scene, "POST", {"sid": sid}, packets, answers=(429,))


@CONNECTIONS.of("a payload over the limit, Socket.IO", "1 MB", "stranger")
def stranger_payload() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    return _polled(scene, "POST", {"sid": sid}, "4" * (MAX_PAYLOAD + 1), answers=(413,))


@CONNECTIONS.of("a poll without a namespace, Socket.IO", "the longest hold", "stranger")
def stranger_poll() -> Measured:
    scene = Scene()
    sid = _polling(scene)
    return _polled(scene, "GET", {"sid": sid})


@CONNECTIONS.of("a poll of no session, Socket.IO", "", "stranger")
def stranger_unknown_poll() -> Measured:
    return _polled(Scene(), "GET", {"sid": "x" * 20}, answers=(400,))


@CONNECTIONS.of("an HTTP request without a token", "refused with 401", "stranger")
def stranger_request() -> Measured:
    return _request("", 401)


@CONNECTIONS.of("the same over the limit", "refused with 429", "stranger", refused="throttle")
def stranger_refused() -> Measured:
    scene = Scene()
    while scene.http(rest.list_rooms, "").status != 429:
        pass
    return scene.measure("api_handler", lambda: scene.http(rest.list_rooms, ""))


@CONNECTIONS.of("`GET /v1/health`", "a check once in 3 s for each process", "stranger")
def health() -> Measured:
    scene = Scene()
    return scene.measure("api_handler", lambda: rest.health(scene.services))


@CONNECTIONS.of("`GET /v1/openapi.json`", "", "stranger")
def openapi() -> Measured:
    return Scene().measure("api_handler", rest.openapi)


def _session() -> Scene:
    scene = Scene()
    scene.handshake("s=")
    return scene


def _request(user: str, status: int) -> Measured:
    scene = Scene()
    return scene.measure("api_handler", _expect(lambda: scene.http(rest.list_rooms, user), status))


def _expect(act: Callable[[], Any], *statuses: int) -> Callable[[], Any]:
    def run() -> Any:
        answer = act()
        if answer.status not in statuses:
            raise RuntimeError(f"{answer.status}: {answer}"[:300])
        return answer

    return run


def _connect(scene: Scene, query: dict[str, str], status: int) -> Measured:
    event = scene.event("w=", "CONNECT", queryStringParameters=query)

    def act() -> str:
        answer = websocket.connect(scene.services, event)
        if answer["statusCode"] != status:
            raise RuntimeError(answer)
        return ""

    scene.settle()
    return scene.measure("websocket_connect", act)


def _disconnect(scene: Scene, device: str) -> Measured:
    event = scene.event(device, "DISCONNECT")
    return scene.measure(
        "websocket_disconnect", lambda: websocket.disconnect(scene.services, event)
    )


def _frame(scene: Scene, device: str, frame: str, *, answered: bool = True) -> Measured:
    act = lambda: scene.say(device, frame)  # noqa: E731
    return scene.measure("websocket_message", act, frame=len(frame), answered=answered)


def _polling(scene: Scene) -> str:
    """Open a polling session; its id."""
    answer = scene.poll("GET", {})
    scene.settle()
    return str(json.loads(answer.text[1:])["sid"])


def _polled(
    scene: Scene,
    method: str,
    query: dict[str, str],
    body: str = "",
    answers: tuple[int, ...] = (200,),
) -> Measured:
    def ask() -> polling.Answer:
        answer = scene.poll(method, query, body)
        if answer.status not in answers:
            raise RuntimeError(f"{answer.status}: {answer.text[:300]}")
        return answer

    return scene.measure("api_handler", ask)
