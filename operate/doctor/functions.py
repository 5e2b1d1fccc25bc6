"""The functions, their settings and triggers, and the schedules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.kernel.settings import Settings
from operate.checks import Check

from .metrics import Metrics
from .subject import Subject, fault, warning, well

NAME, SETTINGS, TRIGGERS, SCHEDULES = "functions", "settings", "triggers", "schedules"
# As the alarms: terraform/modules/monitoring/main.tf.
ERRORS, THROTTLES = 5, 1
_FAILS = "a-function-fails"


def check(subject: Subject) -> list[Check]:
    lambdas = subject.client("lambda")
    found = {short: _configuration(lambdas, subject.full(short)) for short in subject.functions}
    there = {short: each for short, each in found.items() if each is not None}
    problems = [*_missing(subject, found), *_broken(lambdas, there), *_failing(subject, there)]
    settings = [each for one in there.values() for each in _settings(one)]
    return [
        *well(NAME, f"all {len(found)} are active", problems),
        *well(SETTINGS, f"those of {len(there)} functions are valid", settings),
        *well(TRIGGERS, "all queues and streams are read", _triggers(lambdas, there)),
    ]


def _configuration(lambdas: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = lambdas.get_function_configuration(FunctionName=name)
    except lambdas.exceptions.ResourceNotFoundException:
        return None
    return found


def _missing(subject: Subject, found: dict[str, Any]) -> Iterator[Check]:
    for short, configuration in found.items():
        if configuration is None:
            yield fault(NAME, f"{subject.full(short)} is not there", "Deploy again", _FAILS)


def _broken(lambdas: Any, there: dict[str, dict[str, Any]]) -> Iterator[Check]:
    for one in there.values():
        name = one["FunctionName"]
        if "Failed" in (one.get("State"), one.get("LastUpdateStatus")):
            why = one.get("StateReason") or one.get("LastUpdateStatusReason") or "no reason given"
            yield fault(NAME, f"{name} could not be made: {why}", "Deploy again", _FAILS)
        elif one.get("State") == "Pending":
            yield warning(NAME, f"{name} is being made", "Wait a minute", _FAILS)
        reserved = lambdas.get_function_concurrency(FunctionName=name)
        if reserved.get("ReservedConcurrentExecutions") == 0:
            remedy = "Somebody has stopped it: deploy again to take that back"
            found = f"{name} may not run: its reserved concurrency is 0"
            yield fault(NAME, found, remedy, "functions-are-throttled")


def _failing(subject: Subject, there: dict[str, dict[str, Any]]) -> Iterator[Check]:
    metrics = Metrics(subject.client("cloudwatch"))
    for one in there.values():
        name = one["FunctionName"]
        errors = metrics.total("AWS/Lambda", "Errors", FunctionName=name)
        if errors:
            remedy = f"`tidings logs --function {name.removeprefix(subject.name + '-')}`"
            said = fault if errors > ERRORS else warning
            found = f"{name} failed {errors:.0f} times within the last 15 minutes"
            yield said(NAME, found, f"Read its last lines: {remedy}", _FAILS)
        throttles = metrics.total("AWS/Lambda", "Throttles", FunctionName=name)
        if throttles:
            said = fault if throttles > THROTTLES else warning
            found = f"{name} was throttled {throttles:.0f} times within the last 15 minutes"
            yield said(NAME, found, "Ask for more concurrency", "functions-are-throttled")


def _settings(one: dict[str, Any]) -> Iterator[Check]:
    variables = one.get("Environment", {}).get("Variables", {})
    try:
        Settings.from_env(variables)
    except ValueError as why:
        found = f"{one['FunctionName']} cannot start: {why}"
        yield fault(SETTINGS, found, "Correct app.settings and deploy", _FAILS)


def _triggers(lambdas: Any, there: dict[str, dict[str, Any]]) -> Iterator[Check]:
    for one in there.values():
        name = one["FunctionName"]
        answer = lambdas.list_event_source_mappings(FunctionName=name)
        for mapping in answer["EventSourceMappings"]:
            if mapping["State"] not in ("Enabled", "Enabling", "Creating", "Updating"):
                source = mapping["EventSourceArn"].rpartition(":")[2]
                found = f"{name} does not read {source}: its mapping is {mapping['State']}"
                remedy = "Enable the event source mapping, or deploy again"
                yield fault(TRIGGERS, found, remedy, "jobs-wait-too-long")


def schedules(subject: Subject) -> list[Check]:
    """The rules that call functions."""
    names = subject.schedules
    events = subject.client("events")
    section = "a-schedule-is-silent"

    def problems() -> Iterator[Check]:
        for name in map(subject.full, sorted(names)):
            try:
                rule = events.describe_rule(Name=name)
            except events.exceptions.ResourceNotFoundException:
                yield fault(SCHEDULES, f"the rule {name} is not there", "Deploy again", section)
                continue
            if rule.get("State") != "ENABLED":
                remedy = f"`aws events enable-rule --name {name}`"
                yield fault(SCHEDULES, f"the rule {name} is {rule.get('State')}", remedy, section)
            elif not events.list_targets_by_rule(Rule=name)["Targets"]:
                yield fault(SCHEDULES, f"the rule {name} calls nothing", "Deploy again", section)

    return well(SCHEDULES, f"all {len(names)} are enabled", problems())
