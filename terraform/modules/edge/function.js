import cf from 'cloudfront';

// Routes each request to its API: a viewer-request function, runtime cloudfront-js-2.0.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/helper-functions-origin-modification.html
//
// The HTTP API is the distribution's default origin. A WebSocket API is selected by path, and for
// Socket.IO clients also by transport, as edge functions cannot see the header Upgrade. Terraform fills in
// the quoted values: origin and path at the origin for each WebSocket path, and the HTTP API's stage.
const WEBSOCKETS = JSON.parse('${websockets}');
const HTTP_STAGE = '${http_stage}';

function handler(event) {
    const request = event.request;
    // The functions believe this header as the distribution proves itself to them: see `custom_header`.
    request.headers['x-tidings-viewer'] = { value: event.viewer.ip };
    const websocket = websocketOf(request);
    if (websocket) {
        cf.selectRequestOriginById(websocket.origin);
        // A WebSocket API accepts only its stage as the path.
        request.uri = websocket.path;
    } else {
        // Routes of an HTTP API do not end in a slash, and /socket.io/ does not match /socket.io.
        request.uri = HTTP_STAGE + (request.uri.replace(/\/+$/, '') || '/');
    }
    return request;
}

function websocketOf(request) {
    if (request.uri.replace(/\/$/, '') === '/socket.io') {
        return last(request.querystring.transport) === 'websocket' ? WEBSOCKETS['/ws'] : undefined;
    }
    return WEBSOCKETS[request.uri.replace(/\/$/, '')];
}

// The last value of a query parameter, which may occur more than once.
function last(parameter) {
    if (!parameter) {
        return undefined;
    }
    const values = parameter.multiValue;
    return values ? values[values.length - 1].value : parameter.value;
}
