"""The zip's own rules."""

from __future__ import annotations

import io
import zipfile

from operate.package import archive


def zipped(files: dict[str, bytes], time: tuple[int, ...] = (2020, 1, 1, 1, 1, 2)) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, time), content)  # type: ignore[arg-type]
    return data.getvalue()


def test_order_and_time_of_the_source_do_not_matter() -> None:
    files = {"b.py": b"2", "a.py": b"1", "lib/c.so": b"3"}
    back = dict(reversed(files.items()))
    first = archive.write(archive.read(zipped(files)))
    other = archive.write(archive.read(zipped(back, (2024, 2, 2, 2, 2, 2))))
    assert first == other
    with zipfile.ZipFile(io.BytesIO(first)) as made:
        assert made.namelist() == ["a.py", "b.py", "lib/c.so"]
        assert {info.external_attr >> 16 for info in made.infolist()} == {0o100644}


def test_what_is_never_read_at_run_time_stays_out() -> None:
    needless = [
        "bin/tool",
        "a.pyi",
        "x/__pycache__/a.cpython-313.pyc",
        "cffi/parse.h",
        "a-1.dist-info/RECORD",
        "a-1.dist-info/INSTALLER",
        "a-1.dist-info/REQUESTED",
        "a-1.dist-info/WHEEL",
        "a-1.dist-info/direct_url.json",
        "a-1.dist-info/sboms/a.json",
    ]
    needed = [
        "a/py.typed",
        "a/data.json",
        "a-1.dist-info/METADATA",
        "a-1.dist-info/entry_points.txt",
        "a-1.dist-info/licenses/LICENSE",
        "b-1.dist-info/LICENSE.txt",
    ]
    found = archive.read(zipped({name: b"" for name in needless + needed}))
    assert sorted(found) == sorted(needed)
