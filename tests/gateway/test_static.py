"""Files beside the APIs: known types of one folder, nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.gateway import StaticFiles


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


def test_only_reading(files: StaticFiles) -> None:
    assert files.serve("POST", "/")[0] == 404
