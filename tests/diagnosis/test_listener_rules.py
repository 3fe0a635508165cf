from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from checks.diagnosis.listener_rules import Request, evaluate, first_match, own_paths, reaches, witnesses
from checks.diagnosis.patterns import fits, samples
from fixtures.errors import NotApplicable
from fixtures.model.alb import Condition, ListenerRules, Routing, Rule
from tests.diagnosis.balancers import (
    DNS,
    attachment,
    fixed,
    forward,
    group_arn,
    hosts,
    listener,
    paths,
    redirect,
    routing,
    rule,
)


@pytest.mark.parametrize(
    ("pattern", "path", "fitting"),
    [
        ("/products/*", "/products/", True),
        ("/products/*", "/products/1/reviews", True),
        ("/products/*", "/products", False),
        ("/products/*", "/Products/1", False),
        ("/v?/x", "/v1/x", True),
        ("/v?/x", "/v12/x", False),
        ("*", "/anything", True),
        ("/a.b", "/aXb", False),
        ("/[ab]", "/a", False),
        ("/img/*/picture?.png", "/img/2026/11/picture7.png", True),
    ],
)
def test_path_patterns_fit_as_the_load_balancer_compares_them(pattern: str, path: str, fitting: bool) -> None:
    assert fits(pattern, path) is fitting


def test_a_backslash_makes_the_next_character_literal_where_aws_says_so() -> None:
    assert fits(r"what\?", "what?", escapes=True)
    assert not fits(r"what\?", "whats", escapes=True)
    assert fits("a\\", "a\\", escapes=True)


LITERAL = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*?\\"), max_size=12)


@given(st.lists(LITERAL, min_size=1, max_size=4), st.lists(LITERAL, min_size=4, max_size=4))
def test_any_filling_of_the_stars_fits(parts: list[str], fillings: list[str]) -> None:
    filled = "".join(f + p for f, p in zip(["", *fillings], parts, strict=False))

    assert fits("*".join(parts), filled)


@given(LITERAL, LITERAL)
def test_without_wildcards_only_the_same_text_fits(pattern: str, text: str) -> None:
    assert fits(pattern, text) == (pattern == text)
    assert fits(pattern, pattern.swapcase(), ignore_case=True)


@given(st.text("ab*?/", max_size=10), st.text("ab/", max_size=10))
def test_patterns_mean_what_a_plain_translation_means(pattern: str, text: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")

    assert fits(pattern, text) == (re.fullmatch(expression, text) is not None)


@given(st.text("ab*?/", min_size=1, max_size=10))
def test_samples_of_a_pattern_fit_it(pattern: str) -> None:
    assert all(fits(pattern, s) for s in samples(pattern))


PLAIN = Request("/products/1", "shop.example.com")


@pytest.mark.parametrize(
    ("condition", "request_", "fitting"),
    [
        (hosts("SHOP.example.com"), PLAIN, True),
        (hosts("*.example.com"), PLAIN, True),
        (hosts("*.example.org", "shop.*"), PLAIN, True),
        (hosts("example.com"), PLAIN, False),
        (Condition("http-header", ("chrome*",), "User-Agent"), PLAIN, False),
        (
            Condition("http-header", ("*Chrome*",), "user-agent"),
            replace(PLAIN, headers={"User-Agent": "chrome/1"}),
            True,
        ),
        (Condition("http-request-method", ("POST",)), PLAIN, False),
        (Condition("http-request-method", ("GET", "HEAD")), PLAIN, True),
        (Condition("query-string", ("version=v*",)), replace(PLAIN, query=(("Version", "V2"),)), True),
        (Condition("query-string", ("v2",)), replace(PLAIN, query=(("any", "v2"),)), True),
        (Condition("query-string", ("v2",)), PLAIN, False),
        (Condition("source-ip", ("203.0.113.0/24",)), PLAIN, True),
        (Condition("source-ip", ("2001:db8::/32", "10.0.0.0/8")), PLAIN, False),
        (Condition("path-pattern", (), expressions=(r"^/products/\d+$",)), PLAIN, True),
        (Condition("path-pattern", (), expressions=("(",)), PLAIN, False),
        (Condition("something-new", ("x",)), PLAIN, False),
    ],
)
def test_conditions(condition: Condition, request_: Request, fitting: bool) -> None:
    assert (first_match([rule(1, fixed(200), condition)], request_) is not None) is fitting


def test_all_conditions_must_fit_and_the_lowest_priority_wins() -> None:
    both = rule(1, fixed(200), paths("/products/*"), hosts("other.example.com"))
    second = rule(2, fixed(201), paths("/products/*"))
    default = rule(None, fixed(404))

    assert first_match([both, second, default], PLAIN) is second
    assert first_match([both, second, default], replace(PLAIN, path="/x")) is default


RULES = st.lists(
    st.tuples(st.integers(1, 50), st.text("ab*/", min_size=1, max_size=5)), max_size=6, unique_by=lambda pair: pair[0]
)


@given(RULES, st.text("ab/", min_size=1, max_size=6))
def test_exactly_one_rule_takes_a_request_and_none_before_it_fits(found: list[tuple[int, str]], path: str) -> None:
    default = rule(None, fixed(404))
    own = listener(*(rule(p, fixed(200), paths(v)) for p, v in found), default)
    taking = first_match(own.rules, Request(path, DNS))

    assert taking is not None
    before = own.rules[: own.rules.index(taking)]
    assert not any(fits(v, path) for r in before for c in r.conditions for v in c.values)
    assert taking is default or fits(taking.conditions[0].values[0], path)


def judge(found: Routing, *wanted: str, name: str = "api") -> tuple[bool, str]:
    verdict = reaches("api", [attachment(name)], [found], wanted)
    return bool(verdict), verdict.observed


API = rule(10, forward(api=1), paths("/api/*"))
WEB = rule(None, forward(web=1))


@pytest.mark.parametrize(
    ("rules", "wanted", "said"),
    [
        ([API, WEB], ["/api/*"], ""),
        ([API, WEB], [], ""),
        ([WEB], ["/api/*"], "default rule of HTTP:80 forwards to web"),
        ([rule(1, fixed(503), paths("/*")), API, WEB], ["/api/*"], "rule 1 of HTTP:80 answers 503 by itself"),
        ([rule(1, fixed(503), paths("/*")), API, WEB], [], "answers 503 by itself"),
        ([rule(1, fixed(503), paths("/*"), hosts("old.example.com")), API, WEB], ["/api/*"], ""),
        ([rule(5, forward(web=1), paths("/a*")), API, WEB], ["/api/*"], "rule 5"),
        ([rule(5, forward(web=1), paths("/api/v1/*")), API, WEB], ["/api/*"], ""),
        ([rule(10, forward(api=0, web=1), paths("/api/*")), WEB], ["/api/*"], "weight 0"),
        ([rule(10, forward(api=1, web=99), paths("/api/*")), WEB], ["/api/*"], ""),
        ([rule(10, forward(api=1), hosts("*.shop.com"), paths("/api/*")), WEB], ["/api/*"], ""),
        ([rule(10, forward(api=1), Condition("http-header", ("x",), "X-A"), paths("/api/*")), WEB], ["/api/*"], ""),
        ([rule(1, redirect("HTTP", "80"), paths("/api/*")), API, WEB], ["/api/*"], "round and round"),
        ([rule(1, redirect(), paths("/*")), API, WEB], ["/api/*"], "where no listener is"),
        ([rule(1, redirect(host="www.example.com"), paths("/*")), API, WEB], ["/api/*"], "redirects to https://www"),
        ([WEB], [], "no listener rule forwards to it"),
    ],
)
def test_whether_requests_reach_a_service(rules: list[Rule], wanted: list[str], said: str) -> None:
    reached, observed = judge(routing(listener(*rules)), *wanted)

    assert reached is (said == ""), observed
    assert said in observed


def test_a_redirect_to_https_is_followed() -> None:
    plain = listener(rule(None, redirect()))
    secure = listener(API, WEB, port=443, protocol="HTTPS")

    assert judge(routing(plain, secure), "/api/*")[0]
    assert evaluate(routing(plain, secure), plain, Request("/api/1", DNS)).hops[-1].startswith("rule 10 of HTTPS:443")


def test_every_listener_that_names_the_service_must_deliver() -> None:
    broken = listener(rule(1, fixed(503), paths("/*")), API, WEB)
    testing = listener(rule(None, forward(api=1)), port=8080)

    assert not judge(routing(broken, testing), "/api/*")[0]


def test_a_longer_circle_of_redirects_ends() -> None:
    there = rule(1, redirect("HTTP", "80", path="/b"), paths("/a"))
    back = rule(2, redirect("HTTP", "80", path="/a"), paths("/b"))
    growing = rule(3, redirect("HTTP", "80", path="/x/#{path}"), paths("*/c"))
    found = routing(listener(there, back, growing, WEB))

    assert evaluate(found, found.listeners[0], Request("/a", DNS)).kind == "redirect-loop"
    assert evaluate(found, found.listeners[0], Request("/c", DNS)).kind == "redirect-loop"


def test_a_left_over_group_is_milder_than_a_path_that_is_lost() -> None:
    found = routing(listener(WEB))

    assert reaches("api", [attachment()], [found], []).severity == "medium"
    assert reaches("api", [attachment()], [found], ["/api/*"]).severity is None
    assert "no load balancer uses" in reaches("api", [attachment()], [], ["/api/*"]).observed


def test_own_paths_and_witnesses_come_from_the_rules_that_name_the_group() -> None:
    found = routing(listener(rule(3, forward(api=1), hosts("*.shop.com"), paths("/api/*", "/v2/*")), WEB))

    assert own_paths([found], [group_arn("api")]) == ("/api/*", "/v2/*")
    assert own_paths([found], [group_arn("web")]) == ("/*",)
    assert [w.host for w in witnesses(found, [group_arn("api")], "/api/")] == [DNS, "runbook-check.shop.com"]


API = rule(10, forward(api=1), paths("/api/*"))
REST = rule(None, forward(web=1))


@pytest.mark.parametrize(
    ("listeners", "wanted", "reached"),
    [
        # A listener for tests, or for the inside, takes other paths than the public one does.
        ([listener(API, REST), listener(rule(None, forward(api=1)), port=8443)], [], True),
        ([listener(API, REST), listener(rule(1, forward(api=1), paths("/internal/*")), REST, port=8080)], [], True),
        ([listener(API, REST), listener(rule(1, forward(api=1), paths("/internal/*")), REST, port=8080)], ["/api/*"], True),
        # But one that has a rule for the path has to deliver it.
        ([listener(API, REST), listener(rule(1, fixed(503), paths("/*")), API, REST, port=443)], [], False),
        ([listener(API, REST), listener(rule(1, fixed(503), paths("/*")), API, REST, port=443)], ["/api/*"], False),
        # Somebody else answers a part of what the default rule would: a landing page, another site.
        ([listener(rule(1, forward(web=1), paths("/")), rule(None, forward(api=1)))], [], True),
        ([listener(rule(1, redirect(host="www.shop.com"), paths("/")), rule(None, forward(api=1)))], [], True),
        ([listener(rule(1, fixed(200), paths("/")), rule(None, forward(api=1)))], [], True),
        # Not where the target wants it, and not where nobody answers.
        ([listener(rule(1, forward(web=1), paths("/")), rule(None, forward(api=1)))], ["/*"], False),
        ([listener(rule(1, fixed(503), paths("/")), rule(None, forward(api=1)))], [], False),
        ([listener(rule(1, forward(web=0), paths("/")), rule(None, forward(api=1)))], [], False),
        ([listener(rule(1, redirect(port="444"), paths("/")), rule(None, forward(api=1)))], [], False),
        ([listener(rule(1, forward(web=1), paths("/*")), rule(None, forward(api=1)))], [], False),
    ],
)  # fmt: skip
def test_listeners_and_rules_that_share_the_work(
    listeners: list[ListenerRules], wanted: list[str], reached: bool
) -> None:
    assert bool(reaches("api", [attachment()], [routing(*listeners)], wanted)) is reached


def test_regular_expressions_in_rules() -> None:
    def by(kind: str, expression: str) -> Rule:
        return rule(5, forward(api=1), Condition(kind, (), expressions=(expression,)))

    def judged(own: Rule, *before: Rule) -> bool:
        return bool(reaches("api", [attachment()], [routing(listener(*before, own, REST))], []))

    assert judged(by("path-pattern", r"^/v[0-9]+/orders(/.*)?$"))
    assert not judged(by("path-pattern", r"^/v[0-9]+/orders(/.*)?$"), rule(1, forward(web=1), paths("/v*")))
    assert judged(by("host-header", r"^(.+)\.shop\.com$"))
    with pytest.raises(NotApplicable, match="regular expression"):
        judged(by("path-pattern", r"^/(?=v1)v1"))
