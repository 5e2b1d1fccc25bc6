"""The HTTP calls of the commands: bounded in time, with errors that users can read."""

from __future__ import annotations

from typing import Any

import aiohttp

WITHIN_S, _CONNECT_S = 8.0, 4.0


class HttpError(Exception):
    """There was no answer, or not the expected one; the text is for the user."""


class UnreachableError(HttpError):
    """No server could be reached."""


class NoAnswerError(UnreachableError):
    """No answer came; the request may have been carried out all the same."""


async def request(
    method: str, url: str, token: str = "", body: Any = None, within_s: float = WITHIN_S
) -> tuple[int, dict[str, Any]]:
    """Send a request and return (status, JSON object).

    Raises:
        HttpError: Nothing answers in time, or the server is not Tidings.
    """
    origin = "/".join(url.split("/")[:3])
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=min(_CONNECT_S, within_s))
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                method, url, json=body, headers=headers, allow_redirects=False
            ) as answer,
        ):
            if 300 <= answer.status < 400:
                target = answer.headers.get("location", "elsewhere")
                raise HttpError(f"{origin} redirects to {target}: use that address")
            return answer.status, _object(await answer.json(content_type=None), origin)
    except ValueError:
        raise HttpError(_other(origin)) from None
    except aiohttp.ClientConnectorCertificateError as fault:
        raise HttpError(
            f"the TLS certificate of {origin} is not trusted: {fault.certificate_error}"
        ) from None
    except aiohttp.ClientConnectorSSLError:
        raise HttpError(f"{origin} does not speak TLS: use http:// instead of https://") from None
    except aiohttp.ClientConnectorDNSError:
        raise UnreachableError(f"the host of {origin} was not found: check its name") from None
    except aiohttp.ServerTimeoutError:
        raise NoAnswerError(_silent(origin)) from None
    except aiohttp.ClientConnectorError:
        raise UnreachableError(
            f"nothing answers at {origin}: start it with `make run`, or give another --url"
        ) from None
    except (TimeoutError, aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
        raise NoAnswerError(_silent(origin)) from None
    except aiohttp.ClientError:
        raise HttpError(_other(origin)) from None


async def health(url: str) -> dict[str, Any]:
    """Return the health that the region at this address reports.

    Raises:
        HttpError: It does not answer, or is not Tidings.
    """
    status, answer = await request("GET", f"{url}/v1/health")
    if status not in (200, 503) or not isinstance(answer.get("checks"), dict):
        raise HttpError(_other(url))
    return answer


def reason(answer: dict[str, Any]) -> str:
    """The reason for a rejection, in the server's words."""
    error = answer.get("error")
    return str(error["message"]) if isinstance(error, dict) and "message" in error else str(answer)


async def dev_token(url: str, user: str, expires_in_s: int, roles: list[str]) -> str:
    """Get a token from a local stack.

    Raises:
        HttpError: Nothing answers, or the server gives no tokens.
    """
    body = {"user_id": user, "expires_in_s": expires_in_s, "roles": roles}
    status, answer = await request("POST", f"{url}/dev/token", body=body)
    if status == 200 and "token" in answer:
        return str(answer["token"])
    if status in (403, 404):
        raise HttpError(f"{url} is not a local stack and gives no tokens: give its --secret")
    raise HttpError(f"{url} gave no token: {status} {reason(answer)}")


def _object(answer: Any, origin: str) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise HttpError(_other(origin))
    return answer


def _other(origin: str) -> str:
    return f"the server at {origin} is not Tidings: check the address, and http or https"


def _silent(origin: str) -> str:
    return f"{origin} does not answer: check the address, and whether the server is overloaded"
