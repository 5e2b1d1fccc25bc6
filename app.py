"""All triggers of Tidings, one decorator each. The only module that imports chalice."""

from chalice import Chalice, Rate
from chalice import Response as HttpResponse

from chalicelib import entrypoints, wiring

app = Chalice(app_name="tidings")
app.experimental_feature_flags.update(["WEBSOCKETS"])


@app.on_ws_connect(name="websocket_connect")
def websocket_connect(event):
    return entrypoints.websocket.connect(wiring.services(), event.to_dict())


@app.on_ws_message(name="websocket_message")
def websocket_message(event):
    return entrypoints.websocket.message(wiring.services(), event.to_dict())


@app.on_ws_disconnect(name="websocket_disconnect")
def websocket_disconnect(event):
    return entrypoints.websocket.disconnect(wiring.services(), event.to_dict())


@app.on_sqs_message(queue="tidings-delivery.fifo", batch_size=10, name="deliver")
def deliver(event):
    return entrypoints.queues.deliver(wiring.services(), event.to_dict())


@app.on_sqs_message(queue="tidings-outbound", batch_size=10, name="outbound")
def outbound(event):
    return entrypoints.queues.outbound(wiring.services(), event.to_dict())


# With several regions only.
@app.on_sqs_message(queue="tidings-inbox", batch_size=10, name="relay")
def relay(event):
    return entrypoints.queues.relay(wiring.services(), event.to_dict())


# Terraform replaces the placeholder with the stream of `messages`; with several regions, with the
# stream of each table that is `carried` (terraform/resources.json).
@app.on_dynamodb_record(
    stream_arn="arn:aws:dynamodb:::table/tidings-global",
    starting_position="TRIM_HORIZON",
    name="replicated",
)
def replicated(event):
    entrypoints.streams.replicated(wiring.services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="sweep")
def sweep(event):
    return entrypoints.schedules.sweep(wiring.services(), event.to_dict())


@app.schedule(Rate(1, unit=Rate.MINUTES), name="report")
def report(event):
    return entrypoints.schedules.report(wiring.services(), event.to_dict())


@app.route("/v1/health", methods=["GET"])
def health():
    return _http(entrypoints.rest.health(wiring.services()))


@app.route("/v1/openapi.json", methods=["GET"])
def openapi():
    return _http(entrypoints.rest.openapi(app.current_request.headers.get("if-none-match", "")))


@app.route("/v1/rooms", methods=["POST"])
def create_room():
    return _serve(entrypoints.rest.create_room)


@app.route("/v1/rooms", methods=["GET"])
def list_rooms():
    return _serve(entrypoints.rest.list_rooms)


@app.route("/v1/rooms/{room_id}", methods=["GET"])
def get_room(room_id):
    return _serve(entrypoints.rest.get_room)


@app.route("/v1/rooms/{room_id}/members", methods=["POST"])
def add_member(room_id):
    return _serve(entrypoints.rest.add_member)


@app.route("/v1/rooms/{room_id}/members/{user_id}", methods=["DELETE"])
def remove_member(room_id, user_id):
    return _serve(entrypoints.rest.remove_member)


@app.route("/v1/rooms/{room_id}/messages", methods=["GET"])
def list_messages(room_id):
    return _serve(entrypoints.rest.list_messages)


@app.route("/v1/rooms/{room_id}/messages", methods=["POST"])
def post_message(room_id):
    return _serve(entrypoints.rest.post_message)


@app.route("/v1/rooms/{room_id}/messages/{message_id}", methods=["DELETE"])
def delete_message(room_id, message_id):
    return _serve(entrypoints.rest.delete_message)


@app.route("/v1/invitations", methods=["GET"])
def list_invitations():
    return _serve(entrypoints.consents.list_invitations)


@app.route("/v1/invitations/{room_id}", methods=["POST"])
def accept_invitation(room_id):
    return _serve(entrypoints.consents.accept_invitation)


@app.route("/v1/invitations/{room_id}", methods=["DELETE"])
def decline_invitation(room_id):
    return _serve(entrypoints.consents.decline_invitation)


@app.route("/v1/consent", methods=["GET"])
def show_consent():
    return _serve(entrypoints.consents.show_consent)


@app.route("/v1/consent", methods=["PUT"])
def put_consent():
    return _serve(entrypoints.consents.put_consent)


@app.route("/v1/blocks", methods=["GET"])
def list_blocks():
    return _serve(entrypoints.consents.list_blocks)


@app.route("/v1/blocks/{user_id}", methods=["PUT"])
def put_block(user_id):
    return _serve(entrypoints.consents.put_block)


@app.route("/v1/blocks/{user_id}", methods=["DELETE"])
def remove_block(user_id):
    return _serve(entrypoints.consents.remove_block)


@app.route("/v1/friends", methods=["GET"])
def list_friends():
    return _serve(entrypoints.rest.list_friends)


@app.route("/v1/friends/{user_id}", methods=["PUT"])
def put_friend(user_id):
    return _serve(entrypoints.rest.put_friend)


@app.route("/v1/friends/{user_id}", methods=["DELETE"])
def remove_friend(user_id):
    return _serve(entrypoints.rest.remove_friend)


@app.route("/v1/presence", methods=["GET"])
def list_presence():
    return _serve(entrypoints.rest.list_presence)


@app.route("/v1/moments", methods=["POST"])
def post_moment():
    return _serve(entrypoints.rest.post_moment)


@app.route("/v1/moments", methods=["GET"])
def list_moments():
    return _serve(entrypoints.rest.list_moments)


@app.route("/v1/notifications", methods=["POST"])
def post_notification():
    return _serve(entrypoints.rest.post_notification)


@app.route("/v1/notifications", methods=["GET"])
def list_notifications():
    return _serve(entrypoints.rest.list_notifications)


@app.route("/v1/endpoint", methods=["GET"])
def endpoint():
    return _serve(entrypoints.rest.endpoint)


@app.route("/v1/admin/users/{user_id}/disconnect", methods=["POST"])
def disconnect_user(user_id):
    return _serve(entrypoints.operating.disconnect_user)


@app.route("/v1/admin/drain", methods=["GET"])
def show_drain():
    return _serve(entrypoints.operating.show_drain)


@app.route("/v1/admin/drain", methods=["PUT"])
def start_drain():
    return _serve(entrypoints.operating.start_drain)


@app.route("/v1/admin/drain", methods=["DELETE"])
def stop_drain():
    return _serve(entrypoints.operating.stop_drain)


@app.route(
    "/socket.io",
    methods=["GET", "POST", "PUT"],
    content_types=["text/plain", "application/octet-stream", "application/json"],
)
def socketio():
    request = entrypoints.rest.from_event(app.current_request.to_original_event())
    answer = entrypoints.polling.handle(wiring.services(), request, app.current_request.method)
    return HttpResponse(answer.text, status_code=answer.status, headers=answer.headers)


def preflight(**path):
    return HttpResponse("", status_code=204)


for path in tuple(app.routes):
    app.route(path, methods=["OPTIONS"])(preflight)


@app.middleware("http")
def cross_origin(request, get_response):
    answer, settings = get_response(request), wiring.services().settings
    cors = entrypoints.cors.headers(settings, request.headers, request.method)
    return HttpResponse(answer.body, {**answer.headers, **cors}, answer.status_code)


def _serve(endpoint):
    event = app.current_request.to_original_event()
    return _http(
        entrypoints.rest.handle(wiring.services(), entrypoints.rest.from_event(event), endpoint)
    )


def _http(answer):
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        **answer.headers,
    }
    body = answer.body if answer.status != 304 else ""
    return HttpResponse(body=body, status_code=answer.status, headers=headers)
