"""The pure parts of the generator: sections of pages, docstrings, examples."""

from __future__ import annotations

import pytest

from workbench.reference import docstrings, examples
from workbench.reference.markdown import size, table
from workbench.reference.sections import names, rewrite

PAGE = "a\n<!-- generated: one -->\nold\n<!-- end -->\nb\n<!-- generated: two x -->\n<!-- end -->\n"


class Documented:
    """What it is.

    More of it,
    over two lines.

    Attributes:
        first: The first,
            going on.
        second, third: Both.

    Raises:
        ValueError: Never.
    """


def test_sections_are_rewritten_and_the_rest_stays() -> None:
    assert names(PAGE) == ["one", "two x"]
    made = rewrite(PAGE, lambda name: f"new {name}")
    assert made == (
        "a\n<!-- generated: one -->\nnew one\n<!-- end -->\nb\n"
        "<!-- generated: two x -->\nnew two x\n<!-- end -->\n"
    )
    assert rewrite(made, lambda name: f"new {name}") == made


def test_a_marker_without_its_partner_is_a_fault() -> None:
    with pytest.raises(ValueError, match="marker is missing"):
        rewrite("<!-- generated: one -->\ntext\n", str)


def test_docstrings() -> None:
    assert docstrings.text_of(Documented) == "What it is.\n\nMore of it, over two lines."
    assert docstrings.summary_of(Documented) == "What it is."
    assert docstrings.section(Documented, "Attributes") == {
        "first": "The first, going on.",
        "second": "Both.",
        "third": "Both.",
    }
    assert docstrings.section(Documented, "Raises") == {"ValueError": "Never."}


def test_markdown() -> None:
    assert table(["a"], [["x|y\nz"]]) == "| a |\n| --- |\n| x\\|y z |"
    assert size(64 * 1024) == "64 KB (65,536 bytes)"
    assert size(1000) == "1,000 bytes"


def test_examples_are_compared_by_form_where_a_server_makes_values_up() -> None:
    names = examples.Names()
    first, second = "0" * 25 + "1", "1" + "0" * 25
    assert names.differences({"id": first}, {"id": second}) == []
    assert names.resolve(f"GET /x/{first}") == f"GET /x/{second}"
    assert names.differences({"id": first}, {"id": first}) != [], "it is mapped to the other id"
    assert names.differences({"a": 1}, {"a": 1.0}) != []
    assert names.differences({"a": True}, {"a": 1}) != []
    assert names.differences({"a": []}, {"b": []}) != []
    assert names.differences(["x"], ["y"]) == ["[0]: 'x' is 'y'"]


def test_steps_of_a_page() -> None:
    page = "```json send alice\n{}\n```\ntext\n```json answer\n{}\n```\n```json\n{}\n```\n"
    [sent, answered] = examples.steps(page)
    assert (sent.verb, sent.words, sent.line) == ("send", ("alice",), 1)
    assert (answered.verb, answered.line) == ("answer", 5)
