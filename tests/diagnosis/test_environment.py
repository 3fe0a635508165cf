from __future__ import annotations

import pytest

from checks.diagnosis.environment import judge, placeholder, plain_secrets, problems, unset
from tests.diagnosis.facts import container, definition, service


@pytest.mark.parametrize(
    "value",
    ["${db_host}", "postgres://${HOST}/x", "{{ host }}", "<%= host %>", "<your host>", "changeme", "TODO", "undefined"],
)
def test_placeholders(value: str) -> None:
    assert placeholder(value)


@pytest.mark.parametrize(
    "value",
    ["db.example", "5432", "true", "none", "a{b}c", "http://x/?a=<b", "$5", "todo-service.local", "TODO,DOING,DONE"],
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


@pytest.mark.parametrize(
    ("variables", "mild"),
    [
        ({"HTTP_PROXY": ""}, True),
        ({"JAVA_OPTS": " "}, True),
        ({"NODE_OPTIONS": "", "DB_HOST": ""}, False),
        # An entry point or Spring may put these in.
        ({"URL": "postgres://${DB_USER}:$(DB_PASSWORD)@db/shop", "DB_USER": "web"}, True),
        ({"URL": "postgres://${db_user}@db/shop", "DB_USER": "web"}, False),
        ({"DB_HOST": "${DB_HOST}"}, False),
        ({"URL": "{{ scheme }}://${DB_USER}", "DB_USER": "web"}, False),
    ],
)
def test_what_may_be_meant_so_is_milder(variables: dict[str, str], mild: bool) -> None:
    verdict = judge(service(), definition(container(environment=variables)), (), "web")

    assert not verdict
    assert (verdict.severity == "medium") is mild


@pytest.mark.parametrize(
    ("variable", "severity"),
    [
        ("SENTRY_DSN", "medium"),
        ("COOKIE_DOMAIN", "medium"),
        ("REDIS_HOST", None),
        ("DB_HOST", None),
        ("PGHOST", None),
        ("DATABASE_URL", None),
        ("PORT", None),
        ("METRICS_PORT", None),
        ("SUPPORT_EMAIL", "medium"),
    ],
)
def test_what_is_empty_in_a_service_that_runs_well(variable: str, severity: str | None) -> None:
    one = definition(container(environment={"REDIS_HOST": "cache", variable: ""}))

    assert judge(service(), one, ("REDIS_HOST",), "web", serves=True).severity == severity
    # In one that does not, it may be why.
    assert judge(service(), one, ("REDIS_HOST",), "web", serves=False).severity is None
    unfilled = definition(container(environment={variable: "${x}"}))
    assert judge(service(), unfilled, (), "web", serves=True).severity is None


def test_an_optional_name_that_is_required_is_not_optional() -> None:
    one = definition(container(environment={"HTTP_PROXY": ""}))

    assert judge(service(), one, ("HTTP_PROXY",), "web").severity is None


def test_what_is_not_set_may_stand_in_a_file_of_variables() -> None:
    one = container(environment_files=("arn:aws:s3:::config/web.env",))

    assert judge(service(), definition(one), ("REDIS_HOST",), "web")
    assert unset(one, ("REDIS_HOST", "DB_HOST")) == ["REDIS_HOST"]


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
