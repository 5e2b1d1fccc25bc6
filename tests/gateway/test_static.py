"""Static files beside the APIs: known types from its folders, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.gateway import StaticFiles

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("web", "clients/js")


@pytest.fixture
def files(tmp_path: Path) -> StaticFiles:
    folder = tmp_path / "page"
    (folder / "sub").mkdir(parents=True)
    (folder / "index.html").write_text("<p>")
    (folder / "sub" / "a.js").write_text("1")
    (folder / "README.md").write_text("no type of ours")
    (tmp_path / "secret.js").write_text("outside")
    (folder / "link.js").symlink_to(tmp_path / "secret.js")
    return StaticFiles(folder, headers={"cache-control": "no-cache"})


def test_the_index_and_what_lies_under_the_prefix(files: StaticFiles) -> None:
    status, headers, body = files.serve("GET", "/")
    assert (status, body) == (200, b"<p>")
    assert dict(headers) == {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-cache",
    }
    status, headers, body = files.serve("HEAD", "/web/sub/a.js")
    assert (status, body) == (200, b"1")
    assert dict(headers)["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "path",
    [
        "/web/../../secret.js",
        "/web/%2e%2e/%2e%2e/secret.js",
        "/web/..%2f..%2fsecret.js",
        "/web//etc/hostname",
        "/web/link.js",
        "/web/a%00.js",
        "/web/README.md",
        "/web/sub",
        "/web/",
        "/web/none.js",
        "/sub/a.js",
        "/index.html",
    ],
)
def test_all_else_is_not_found(files: StaticFiles, path: str) -> None:
    assert files.serve("GET", path)[0] == 404


def test_files_from_elsewhere_have_their_names(tmp_path: Path) -> None:
    elsewhere = tmp_path / "else.js"
    files = StaticFiles(tmp_path / "web", others={"vendor/x.js": elsewhere})
    assert files.serve("GET", "/web/vendor/x.js")[0] == 404
    elsewhere.write_text("1")
    assert files.serve("GET", "/web/vendor/x.js")[2] == b"1"
    assert files.serve("GET", "/web/else.js")[0] == 404


def test_a_second_folder_adds_files_and_replaces_none(tmp_path: Path) -> None:
    page, client = tmp_path / "web", tmp_path / "client"
    for folder, text in ((page, "page"), (client, "client")):
        folder.mkdir()
        (folder / "both.js").write_text(text)
    (client / "client.js").write_text("client")
    (client / "link.js").symlink_to(tmp_path / "secret.js")
    (tmp_path / "secret.js").write_text("outside")
    files = StaticFiles(page, more=(client,))
    assert files.serve("GET", "/web/client.js")[2] == b"client"
    assert files.serve("GET", "/web/both.js")[2] == b"page"
    for path in ("/web/link.js", "/web/../secret.js", "/web/../web/../client/none.js"):
        assert files.serve("GET", path)[0] == 404


def test_the_page_and_the_client_share_no_name() -> None:
    """A file of the page would hide the client's file of the same name."""
    page, client = ({path.name for path in (ROOT / part).glob("*.js")} for part in PARTS)
    assert page
    assert client
    assert not page & client


def test_only_reading(files: StaticFiles) -> None:
    assert files.serve("POST", "/")[0] == 404
