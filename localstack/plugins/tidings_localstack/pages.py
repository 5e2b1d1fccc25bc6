"""Web pages are refused: the Host must be this machine, and no request may come from a page.

LocalStack has a list of origins of its own, but does not look at the Host, and lets requests
through whose origin a browser does not name (those of images and links).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from rolo import Response
from rolo.gateway import HandlerChain, RequestContext

# Names that nobody else can have; LocalStack's own resolve to this machine.
_HERE = ("127.0.0.1", "localhost", "::1", "localhost.localstack.cloud")
_UNDER = (".localhost", ".localhost.localstack.cloud")


def refuse_pages(chain: HandlerChain, context: RequestContext, response: Response) -> None:
    """Before all other handlers."""
    headers = context.request.headers
    foreign = not _is_here(headers.get("Host", ""))
    page = "Origin" in headers or headers.get("Sec-Fetch-Site", "none") != "none"
    if foreign or page:
        response.status_code = 403
        response.set_data("web pages may not ask this\n")
        chain.terminate()


def _is_here(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    return name in _HERE or name.endswith(_UNDER)
