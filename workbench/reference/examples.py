"""Examples in pages: fenced blocks with requests and their answers. Pure.

```json send alice        a frame that alice's device sends
```json answer            the answer to the frame or request before it
```json event bob         an event that bob's device has got since the last example
```http send alice admin  an HTTP request of alice with the role admin: a line, then the body
```json answer 201        its answer, with the status

Values are compared exactly, except those that a server generates: ids, positions and timestamps
are compared by form. When such a value occurs first, the example's value is mapped to the server's
value from then on, so that later examples can use it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_BLOCK = re.compile(
    r"^```(?P<kind>json|http) (?P<verb>send|answer|event)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MESSAGE = "[0-9A-HJKMNP-TV-Z]{26}"
# Values that a server generates, by their form.
_MADE_UP = tuple(
    re.compile(form)
    for form in (
        rf"{_MESSAGE}",
        rf"[a-z0-9-]+:\d+:{_MESSAGE}(,[a-z0-9-]+:\d+:{_MESSAGE})*",
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
        r"[\w-]+=",
        r"[pmn]-[0-9a-f]{32}",
        r"\d+\.\d+\.\d+",
    )
)


@dataclass(frozen=True, slots=True)
class Step:
    """One block.

    Attributes:
        verb: send, answer or event.
        words: The words after it in the block's first line.
        line: The line of the page where the block begins.
    """

    kind: str
    verb: str
    words: tuple[str, ...]
    body: str
    line: int


def steps(page: str) -> Iterator[Step]:
    """The examples of a page, in order."""
    for match in _BLOCK.finditer(page):
        line = page.count("\n", 0, match.start()) + 1
        words = tuple(match["rest"].split())
        yield Step(match["kind"], match["verb"], words, match["body"], line)


@dataclass
class Names:
    """The mapping from generated values in examples to the server's values."""

    true: dict[str, str] = field(default_factory=dict)

    def resolve(self, text: str) -> str:
        """Replace the values in an example's text with the server's."""
        for example in sorted(self.true, key=len, reverse=True):
            text = text.replace(example, self.true[example])
        return text

    def differences(self, example: Any, true: Any, where: str = "") -> list[str]:
        """How an answer differs from the example; learns the generated values."""
        match example, true:
            case dict(), dict():
                return self._of_objects(example, true, where)
            case list(), list() if len(example) == len(true):
                pairs = enumerate(zip(example, true, strict=True))
                found = (self.differences(*pair, f"{where}[{n}]") for n, pair in pairs)
                return [each for of in found for each in of]
            case str(), str() if example != true or example in self.true:
                return self._of_texts(example, true, where)
        same = example == true and type(example) is type(true)
        return [] if same else [f"{where}: {json.dumps(example)} is {json.dumps(true)}"]

    def _of_objects(self, example: dict[str, Any], true: dict[str, Any], at: str) -> list[str]:
        found = [f"{at}.{name}: only in the example" for name in example.keys() - true.keys()]
        found += [f"{at}.{name}: not in the example" for name in true.keys() - example.keys()]
        for name in sorted(example.keys() & true.keys()):
            found += self.differences(example[name], true[name], f"{at}.{name}")
        return found

    def _of_texts(self, example: str, true: str, where: str) -> list[str]:
        for form in _MADE_UP:
            if form.fullmatch(example) and form.fullmatch(true):
                known = self.true.setdefault(example, true)
                timestamp = form is _MADE_UP[2]
                return [] if timestamp or known == true else [f"{where}: {example} is {true}"]
        return [f"{where}: {example!r} is {true!r}"]
