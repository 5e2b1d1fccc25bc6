import cf from 'cloudfront';

// Which API a request is for: the viewer-request function of the one host, runtime cloudfront-js-2.0.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/helper-functions-origin-modification.html
//
// The HTTP API is the distribution's default origin. A WebSocket API is chosen by path, for clients of
// Socket.IO by path and transport, as no edge function sees the header Upgrade. Terraform fills in what
// stands in quotes: by path the origin and the path there, and the HTTP API's stage.
const WEBSOCKETS = JSON.parse('${websockets}');
const HTTP_STAGE = '${http_stage}';

function handler(event) {
    const request = event.request;
    const websocket = websocketOf(request);
    if (websocket) {
        cf.selectRequestOriginById(websocket.origin);
        // A WebSocket API takes its stage as the path and refuses everything below.
        request.uri = websocket.path;
    } else {
        // An HTTP API has no routes that end in a slash, and tells /socket.io/ from /socket.io.
        request.uri = HTTP_STAGE + (request.uri.replace(/\/+$/, '') || '/');
    }
    return request;
}

function websocketOf(request) {
    if (request.uri === '/socket.io/') {
        return last(request.querystring.transport) === 'websocket' ? WEBSOCKETS['/ws'] : undefined;
    }
    return WEBSOCKETS[request.uri.replace(/\/$/, '')];
}

// The last value of a query parameter that may be given more than once.
function last(parameter) {
    if (!parameter) {
        return undefined;
    }
    const values = parameter.multiValue;
    return values ? values[values.length - 1].value : parameter.value;
}
