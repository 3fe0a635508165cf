from __future__ import annotations

import pytest

from checks.diagnosis.environment import judge, placeholder, plain_secrets, problems
from tests.diagnosis.facts import container, definition, service


@pytest.mark.parametrize(
    "value",
    ["${db_host}", "postgres://${HOST}/x", "{{ host }}", "<%= host %>", "<your host>", "changeme", "TODO", "undefined"],
)
def test_placeholders(value: str) -> None:
    assert placeholder(value)


@pytest.mark.parametrize(
    "value", ["db.example", "5432", "true", "none", "a{b}c", "http://x/?a=<b", "$5", "todo-service.local"]
)
def test_ordinary_values(value: str) -> None:
    assert placeholder(value) == ""


def test_problems_are_named_with_their_variable() -> None:
    one = container(environment={"A": "", "B": "${b}", "DB_PASSWORD": "x", "C": "fine"})

    assert [str(p) for p in problems(one, ("C", "D"))] == [
        "web: A is empty",
        "web: B is an unexpanded ${…}: ${b}",
        "web: DB_PASSWORD is given as a variable and as a secret; ECS refuses that",
        "web: D is not set",
    ]


def test_required_names_may_be_secrets() -> None:
    assert judge(service(), definition(), ("DB_PASSWORD",), "web")


def test_required_names_concern_the_serving_container_only() -> None:
    both = definition(container(), container(name="side", environment={}, secrets=()))

    assert judge(service(), both, ("DB_HOST",), "web")
    assert not judge(service(), both, ("DB_HOST",), "side")


def test_plain_secrets_are_named_without_their_value() -> None:
    verdict = plain_secrets(service(), definition(container(secret_looking_variables=("API_TOKEN",))))

    assert not verdict
    assert "API_TOKEN" in verdict.summary
    assert plain_secrets(service(), definition())
