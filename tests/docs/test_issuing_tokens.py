"""The how-tos on tokens: what they sign is accepted, and so is what their settings are for."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.access.tokens import Tokens
from chalicelib.adapters.issuer import HttpIssuer
from chalicelib.adapters.memory import MemoryIssuer
from chalicelib.adapters.secrets import FixedSecrets
from chalicelib.adapters.system import SystemClock
from chalicelib.kernel.errors import TokenFault
from chalicelib.kernel.settings import Settings
from tests.support.issuers import (
    FakeIssuer,
    answer,
    auth0_access,
    cognito_access,
    firebase_id,
    serving,
)
from tests.support.node import node
from tests.support.paths import ROOT

HOW_TO = ROOT / "docs" / "how-to"
SECRET = "of-the-deployment-" * 4


def block(page: str, name: str) -> str:
    """The block of code with this name after its language."""
    text = (HOW_TO / f"{page}.md").read_text()
    [found] = re.findall(rf"^```{name}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return str(found)


def run(*command: str, folder: Path | None = None, **variables: str) -> str:
    env = {**os.environ, **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def by_python(folder: Path) -> str:
    page = "sign-tokens-in-your-back-end"
    (folder / "tidings_token.py").write_text(block(page, "python tidings_token.py"))
    code = "from tidings_token import token; print(token('alice'), token('billing', 'service'))"
    return run(sys.executable, "-c", code, TIDINGS_JWT_SECRET=SECRET, PYTHONPATH=str(folder))


def by_node(folder: Path) -> str:
    page = "sign-tokens-in-your-back-end"
    (folder / "tidings-token.mjs").write_text(block(page, "js tidings-token.mjs"))
    (folder / "main.mjs").write_text(
        "import { token } from './tidings-token.mjs';"
        "console.log(token('alice'), token('billing', 'service'));"
    )
    return run(node(), str(folder / "main.mjs"), TIDINGS_JWT_SECRET=SECRET)


def by_go(folder: Path) -> str:
    go = shutil.which("go")
    if go is None:
        pytest.skip("go is not installed")
    page = "sign-tokens-in-your-back-end"
    (folder / "tidingstoken").mkdir()
    (folder / "tidingstoken/tidingstoken.go").write_text(block(page, "go tidingstoken.go"))
    (folder / "go.mod").write_text("module example.com/backend\n\ngo 1.19\n")
    (folder / "main.go").write_text(
        "package main\n\n"
        'import (\n"fmt"\n"example.com/backend/tidingstoken"\n)\n\n'
        "func main() {\n"
        'user, err := tidingstoken.Token("alice")\nif err != nil {\npanic(err)\n}\n'
        'service, err := tidingstoken.Token("billing", "service")\nif err != nil {\npanic(err)\n}\n'
        "fmt.Println(user, service)\n}\n"
    )
    # Nothing is fetched, and nothing is left in the home folder.
    own = {"GOCACHE": str(folder / "cache"), "GOPATH": str(folder / "path"), "GOPROXY": "off"}
    return run(go, "run", ".", folder=folder, TIDINGS_JWT_SECRET=SECRET, **own)


@pytest.mark.parametrize("sign", [by_python, by_node, by_go])
def test_a_back_end_s_tokens_are_accepted(tmp_path: Path, sign: Callable[[Path], str]) -> None:
    secrets = FixedSecrets({"jwt_secret": SECRET})
    tokens = Tokens(Settings(), secrets, MemoryIssuer(), SystemClock())
    found = [tokens.verify(each) for each in sign(tmp_path).split()]
    assert [(each.user_id, each.roles) for each in found] == [
        ("alice", ()),
        ("billing", ("service",)),
    ]
    hour_s = SystemClock().now_ms() / 1000 + 3600
    assert all(hour_s - 120 < each.expires_at_s <= hour_s for each in found)


def test_the_client_asks_the_back_end(tmp_path: Path) -> None:
    code = block("sign-tokens-in-your-back-end", "js client")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "tidings.js").write_text(
        "export class Tidings { constructor(o) { o.getToken().then(console.log); } }"
    )
    (tmp_path / "client.js").write_text(code)
    (tmp_path / "main.js").write_text(
        "globalThis.fetch = async (path) => ({ json: async () => ({ token: `of ${path}` }) });"
        "await import('./client.js');"
    )
    assert run(node(), str(tmp_path / "main.js")) == "of /token"


def settings(provider: str) -> dict[str, str]:
    """The settings of a provider's section."""
    text = block("use-cognito-auth0-or-firebase", f"hcl {provider}")
    return dict(re.findall(r'^ +(TIDINGS_\w+) += "(.*)"$', text, re.MULTILINE))


def claims(provider: str, known: dict[str, str]) -> dict[str, Any]:
    """Of a token that the provider signs for these settings."""
    issuer, audience = known["TIDINGS_JWT_ISSUER"], known["TIDINGS_JWT_AUDIENCE"]
    now_s = SystemClock().now_ms() // 1000
    if provider == "cognito":
        return cognito_access(issuer, audience, now_s)
    if provider == "auth0":
        return auth0_access(issuer, audience, now_s)
    return firebase_id(audience, now_s)


PROVIDERS = ("cognito", "auth0", "firebase")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_s_tokens_are_accepted_with_its_settings(provider: str) -> None:
    known = settings(provider)
    said = claims(provider, known)
    signer = FakeIssuer(one="RS256", two="RS256")
    with serving(answer(signer.key_set)) as server:
        tokens = Tokens(
            Settings.from_env(known), FixedSecrets({}), HttpIssuer(server.url), SystemClock()
        )
        found = tokens.verify(signer.sign(said, "two"))
        tokens.verify(signer.sign(said, "one"))
    assert (found.user_id, found.roles) == (said["sub"], ("service",))
    assert len(server.asked) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_settings_are_complete_and_terraform_takes_them(provider: str) -> None:
    known = settings(provider)
    taken = json.loads((ROOT / "terraform/modules/app/settings.json").read_text())
    assert {"TIDINGS_JWKS_URL", "TIDINGS_JWT_ISSUER", "TIDINGS_JWT_AUDIENCE"} <= set(known)
    assert set(known) <= set(taken)


# What the providers' libraries export, as far as the how-to uses it.
SDKS = {
    "cognito": (
        "aws-amplify/auth",
        "export const fetchAuthSession = async () =>"
        " ({ tokens: { accessToken: { toString: () => process.env.TOKEN } } });",
    ),
    "auth0": (
        "@auth0/auth0-spa-js",
        "export const createAuth0Client = async ({ authorizationParams }) => ({ getTokenSilently:"
        " async () => (authorizationParams.audience ? process.env.TOKEN : 'opaque') });",
    ),
    "firebase": (
        "firebase/auth",
        "export const getAuth = () =>"
        " ({ currentUser: { getIdToken: async () => process.env.TOKEN } });",
    ),
}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_get_token_returns_the_token_that_is_accepted(tmp_path: Path, provider: str) -> None:
    package, exported = SDKS[provider]
    folder = tmp_path / "node_modules" / package
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    (folder / "index.js").write_text(exported)
    inner = package.partition("/")
    if not package.startswith("@"):  # a path in a package, as the real ones are
        outer = tmp_path / "node_modules" / inner[0]
        exports = {f"./{inner[2]}": f"./{inner[2]}/index.js"}
        (outer / "package.json").write_text(json.dumps({"type": "module", "exports": exports}))
    (tmp_path / "token.mjs").write_text(block("use-cognito-auth0-or-firebase", f"js {provider}"))
    (tmp_path / "main.mjs").write_text(
        "import { getToken } from './token.mjs'; console.log(await getToken());"
    )
    assert run(node(), str(tmp_path / "main.mjs"), TOKEN="signed") == "signed"


def test_every_reason_has_an_advice() -> None:
    text = (HOW_TO / "issue-tokens.md").read_text()
    table = text[text.index("## When a token is refused") : text.index("## The secret of")]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    advised = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert advised == {fault.value for fault in TokenFault}
