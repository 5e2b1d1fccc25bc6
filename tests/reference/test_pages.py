"""The pages of docs/reference agree with the code."""

from __future__ import annotations

import ast
import re

import pytest

from chalicelib.actions import ACTIONS
from chalicelib.adapters.redis.keys import KEYS
from chalicelib.contract.events import EVENTS
from chalicelib.entrypoints.http.openapi import OPERATIONS
from chalicelib.jobs import JOBS
from chalicelib.jobs.delivery import FORMER
from operate import triggers
from tests.support.paths import ROOT
from workbench.reference import glossary, http, jobs, metrics, pages, redis, settings
from workbench.reference.sections import names

DYNAMODB = ROOT / "chalicelib" / "adapters" / "dynamodb"


def page(name: str) -> str:
    return (pages.FOLDER / name).read_text()


def anchors(text: str) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in titles}


@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_is_what_the_code_says(name: str) -> None:
    assert pages.made(name, page(name)) == page(name), "run `make reference`"


def test_every_page_is_known() -> None:
    assert {path.name for path in pages.FOLDER.glob("*.md")} == set(pages.PAGES)


def test_links_inside_the_reference_lead_somewhere() -> None:
    for name in pages.PAGES:
        for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", page(name)):
            path = (pages.FOLDER / target) if target else pages.FOLDER / name
            assert path.exists(), (name, target)
            if anchor and path.suffix == ".md":
                assert anchor in anchors(path.read_text()), (name, target, anchor)


def test_every_action_and_every_event_has_its_section() -> None:
    sections = names(page("protocol.md"))
    assert [each for each in sections if each.startswith("action ")] == [
        f"action {name}" for name in ACTIONS
    ]
    assert {f"event {name}" for name in EVENTS} <= set(sections)


# Kinds that only an earlier version sends: its jobs may wait in a queue during a deployment.
EARLIER = {"engine_refuse"}


def test_every_kind_of_job_has_its_section_and_a_sender() -> None:
    sections = names(page("jobs.md"))
    for kind, job in JOBS.items():
        assert f"job {kind}" in sections
        assert jobs.handled_by(job), kind
        assert bool(jobs.sent_by(job)) is (job not in FORMER and kind not in EARLIER), kind


def test_every_route_and_every_object_has_its_section() -> None:
    sections = names(page("http.md"))
    for each in OPERATIONS:
        assert f"operation {each.name}" in sections
    for each in http.OBJECTS:
        assert f"view {each}" in sections


def test_functions_named_beside_settings_exist() -> None:
    functions = triggers.load(ROOT / "app.py").functions
    for name, readers in settings.READ_BY.items():
        if not isinstance(readers, str):
            assert set(readers) <= set(functions), name


def test_every_alarm_is_found() -> None:
    text = (ROOT / "terraform/modules/monitoring/alarms.tf").read_text()
    assert len(metrics.alarms()) == len(re.findall(r"^ +says +=", text, re.MULTILINE))


def test_the_attributes_of_tables() -> None:
    """The page has all attributes that the stores write, and no others."""
    code = "\n".join(path.read_text() for path in DYNAMODB.glob("*.py"))
    written = set(re.findall(r'^ +"([a-z_]+)": (?:s\(|n\(|\{)', code, re.MULTILINE))
    written |= {each for text in re.findall(r'"(?:SET|ADD) (.+?)"', code) for each in _set(text)}
    documented = set()
    for line in page("tables.md").splitlines():
        if line.startswith("| `") and "[`" not in line:
            documented |= set(re.findall(r"`([a-z_]+)`", line.split(" | ")[0]))
    assert written - documented == set()
    assert [each for each in documented if not re.search(rf"\b{each}\b", code)] == []


def _set(expression: str) -> set[str]:
    return {each for each in re.findall(r"\b([a-z_]+)(?: =| :)", expression)}


def test_all_keys_of_redis_are_built_in_one_module() -> None:
    for path in sorted((ROOT / "chalicelib/adapters/redis").glob("*.py")):
        if path.name == "keys.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for given in _keys_given(node):
                assert not isinstance(given, ast.Constant | ast.JoinedStr), ast.unparse(node)


def _keys_given(node: ast.AST) -> list[ast.expr]:
    """The arguments in which a command or a script gets its keys."""
    match node:
        case ast.Tuple([ast.Constant(str() as command), key, *_]) if command.isupper():
            return [key]
        case ast.Call(ast.Name("evaluate"), [_, ast.List(given), *_]):
            return given
    return []


def test_templates_of_keys_are_told_apart() -> None:
    templates = [redis.template(each) for each in KEYS.values()]
    assert len(templates) == len(set(templates))


def test_a_class_has_a_name_of_its_own() -> None:
    shared = {name for name, modules in glossary.classes().items() if len(modules) > 1}
    assert shared == set(), "rename one of them"


def test_each_term_occurs_in_the_code() -> None:
    words = glossary.words() | glossary.words(ROOT / "operate")
    terms = glossary.terms(page("glossary.md"))
    assert len(terms) == len(set(terms)) > 50
    for term in terms:
        for word in term.split():
            assert {word, f"{word}s"} & words, term


def test_every_command_has_its_section() -> None:
    text = page("cli.md")
    for name in (
        "chat",
        "deploy",
        "doctor",
        "logs",
        "status",
        "tail",
        "dead redrive",
        "drain start",
    ):
        assert f"\n### {name}\n" in text
    assert str(ROOT) not in text
