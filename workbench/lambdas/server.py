"""Runs the functions deployed in ministack: an HTTP server behind its Lambda "proxy" hook.

ministack's own executor unpacks the package for every environment in its own process, and each
environment compiles it again: a burst of thirty invocations blocks everything for half a minute.
Here a package is unpacked once and imported once, and environments are forks.

The Lambda API stays ministack's: it has the deployed functions of all regions and sends the events.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import sys
import tempfile
import time
import urllib.request
import zipfile
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler
from botocore.exceptions import BotoCoreError, ClientError

from operate.clients import client
from workbench.stack.pages import refusal

from .versions import Failed, Item, Version, error

_FRESH_S = 1.0  # a function's configuration is read again after this time
_DOWNLOAD_S = 30.0
_GRACE_S = 0.5  # so that the hook reports the timeout first
_PAYLOAD_BYTES = 7 * 1024 * 1024  # Lambda's 6 MB, and room for the hook's own fields
# A change of one of these makes another version of the function.
_VERSION = ("CodeSha256", "Version", "Handler", "MemorySize", "Environment")


class LambdaRuntime:
    """The functions of one emulator.

    Args:
        aws_url: The emulator's address.
        python: The interpreter that runs the functions; see `lambdas.python`.
        folder: A folder for unpacked code.
    """

    def __init__(self, aws_url: str, python: Path, folder: Path) -> None:
        self._aws_url = aws_url
        self._client = functools.cache(functools.partial(client, "lambda", aws_url))
        self._python = python
        self._folder = folder
        self._locks: dict[str, asyncio.Lock] = {}
        self._versions: dict[str, tuple[float, Version]] = {}

    async def serve(self, request: web.Request) -> web.Response:
        """Run one invocation that ministack's hook sends."""
        deadline_ms = int(request.headers["X-Amzn-Lambda-Deadline-Ms"])
        arn = request.headers["X-Amzn-Lambda-Function-Arn"]
        invocation = {
            "event": await request.json(),
            "arn": arn,
            "request_id": request.headers["X-Amzn-Lambda-Request-Id"],
            "deadline_ms": deadline_ms,
        }
        try:
            version = await self._version(arn)
            within_s = deadline_ms / 1000 - time.time() + _GRACE_S
            result = await version.invoke(invocation, within_s)
        except Failed as fault:
            return web.json_response(text=str(fault), status=500)
        return web.json_response(text=result)

    async def _version(self, arn: str) -> Version:
        """The version that is deployed now."""
        async with self._locks.setdefault(arn, asyncio.Lock()):
            asked, version = self._versions.get(arn, (0.0, None))
            if version is not None and time.monotonic() - asked < _FRESH_S:
                return version
            found = await asyncio.to_thread(self._get, arn)
            config = found["Configuration"]
            key = [config.get(name) for name in _VERSION]
            if version is None or version.key != key or not version.usable:
                old, code = version, await asyncio.to_thread(self._unpack, found)
                variables = self._variables(config, arn, code)
                version = await Version.start(key, self._python, variables)
                if old is not None:
                    old.close()
            self._versions[arn] = time.monotonic(), version
            return version

    def _get(self, arn: str) -> Item:
        try:
            return dict(self._client(arn.split(":")[3]).get_function(FunctionName=arn))
        except (BotoCoreError, ClientError) as fault:
            raise Failed(error("Runtime.GetFunction", str(fault))) from fault

    def _unpack(self, found: Item) -> Path:
        """Unpack the code and return its folder; an existing folder is complete."""
        code = self._folder / str(found["Configuration"]["CodeSha256"]).replace("/", "_")
        if not code.exists():
            with tempfile.TemporaryFile() as file:
                with urllib.request.urlopen(
                    found["Code"]["Location"], timeout=_DOWNLOAD_S
                ) as answer:
                    shutil.copyfileobj(answer, file)
                unfinished = Path(tempfile.mkdtemp(dir=self._folder))
                with zipfile.ZipFile(file) as archive:
                    archive.extractall(unfinished)
            try:
                unfinished.rename(code)
            except OSError:
                # Another function of the same package has unpacked it first.
                shutil.rmtree(unfinished)
                if not code.exists():
                    raise
        return code

    def _variables(self, config: Item, arn: str, code: Path) -> dict[str, str]:
        """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
        name, region, account = config["FunctionName"], arn.split(":")[3], arn.split(":")[4]
        return {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_ENDPOINT_URL": self._aws_url,
            **config.get("Environment", {}).get("Variables", {}),
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_ACCESS_KEY_ID": account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": config["Version"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "local",
            "LAMBDA_TASK_ROOT": str(code),
            "_HANDLER": config["Handler"],
        }


@web.middleware
async def _no_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
    why = refusal({name.lower(): value for name, value in request.headers.items()})
    if why is not None or "Origin" in request.headers:
        raise web.HTTPForbidden(text=why or "pages may not ask this")
    return await handler(request)


def main(port: int, aws_url: str, python: Path) -> None:
    """Serve until SIGTERM; code is kept in the working directory."""
    runtime = LambdaRuntime(aws_url, python, Path.cwd())
    server = web.Application(client_max_size=_PAYLOAD_BYTES, middlewares=[_no_pages])
    server.router.add_post("/", runtime.serve)
    web.run_app(
        server,
        host="127.0.0.1",
        port=port,
        print=None,
        access_log=None,
        shutdown_timeout=1.0,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
