"""Where the addresses in a service's environment lead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.diagnosis import service_urls
from checks.diagnosis.verdict import Verdict
from fixtures.model.alb import Routing
from tests.diagnosis import balancers as b
from tests.diagnosis.facts import container, definition

GROUPS = {"web": (b.group_arn("web"),), "order": (b.group_arn("order"),), "product": (b.group_arn("product"),)}
RULES = (
    b.rule(10, b.forward(product=1), b.paths("/products/*")),
    b.rule(20, b.forward(order=1), b.paths("/orders/*", "/orders")),
    b.rule(30, b.fixed(404), b.paths("/closed/*")),
    b.rule(None, b.forward(web=1)),
)
HTTP = b.routing(b.listener(*RULES))


def judged(variable: str, url: str, asking: str = "order", routing: Routing = HTTP) -> Verdict:
    task = definition(container(environment={variable: url}))
    found = service_urls.addresses(task, [routing])
    return service_urls.judge(b.service(name=asking, service=f"shop-{asking}"), found, GROUPS, {})


@pytest.mark.parametrize(
    ("variable", "path"),
    [
        ("PRODUCT_SERVICE_URL", "/products/"),
        ("PRODUCTS_API", "/products/v1"),
        ("PRODUCT_URL", ""),
        ("PRODUCT_URL", "/"),
        ("ORDER_URL", "/orders"),
        ("ORDER_URL", "/"),
        ("PUBLIC_URL", "/"),
        ("API_URL", "/closed/it"),
        ("ORDER_PRODUCT_URL", "/nowhere"),
    ],
)
def test_addresses_that_lead_where_they_say_or_say_nothing(variable: str, path: str) -> None:
    assert judged(variable, f"http://{b.DNS}{path}")


@pytest.mark.parametrize(
    ("variable", "url", "asking", "said", "severity"),
    [
        ("PRODUCT_URL", f"http://{b.DNS}/orders/", "order", "back to order itself", None),
        ("PRODUCT_URL", f"http://{b.DNS.upper()}/orders", "order", "back to order itself", None),
        ("PRODUCT_URL", f"http://{b.DNS}/products", "web", "back to web itself", "medium"),
        ("PRODUCT_URL", f"http://{b.DNS}/products", "order", "/products itself leads to web", "medium"),
        ("PRODUCT_HEALTH_URL", f"http://{b.DNS}/health", "order", "leads to web", None),
        ("PRODUCT_URL", f"http://{b.DNS}:8000/products/", "order", "nothing listens there", None),
        ("PRODUCT_URL", f"https://{b.DNS}/products/", "order", "nothing listens there", None),
        ("PRODUCT_URL", f"http://{b.DNS}/closed/x", "order", "answers 404 by itself", None),
        ("API_URL", f"http://{b.DNS}:81/", "order", "nothing listens there", None),
    ],
)
def test_addresses_that_lead_elsewhere(variable: str, url: str, asking: str, said: str, severity: str | None) -> None:
    verdict = judged(variable, url, asking)

    assert not verdict
    assert said in verdict.summary
    assert verdict.severity == severity


def test_a_base_leads_nowhere_when_no_rule_is_left_for_the_service() -> None:
    routing = b.routing(b.listener(*RULES[1:]))

    assert "no rule there leads to product" in judged("PRODUCT_URL", f"http://{b.DNS}", routing=routing).summary


def test_a_base_is_judged_by_the_paths_that_the_target_says() -> None:
    task = definition(container(environment={"PRODUCT_URL": f"http://{b.DNS}"}))
    found = service_urls.addresses(task, [b.routing(b.listener(*RULES[1:]))])
    verdict = service_urls.judge(b.service(name="web"), found, GROUPS, {"product": ("/products/*",)})

    assert "/products/ there leads back to web itself" in verdict.summary


def test_a_redirect_to_https_is_followed() -> None:
    secure = b.listener(*RULES, port=443, protocol="HTTPS")
    routing = b.routing(b.listener(b.rule(None, b.redirect())), secure)

    assert judged("PRODUCT_URL", f"http://{b.DNS}/products/", routing=routing)
    assert not judged("PRODUCT_URL", f"http://{b.DNS}/orders/", routing=routing)


def test_a_redirect_to_nowhere_fails_whatever_the_variable_is_called() -> None:
    routing = b.routing(b.listener(b.rule(None, b.redirect())))

    assert "where no listener is" in judged("API_URL", f"http://{b.DNS}/", routing=routing).summary


def test_host_names_of_rules_are_addresses_too() -> None:
    rules = (b.rule(5, b.forward(product=1), b.hosts("api.example.com")), *RULES)
    routing = b.routing(b.listener(*rules))

    assert judged("PRODUCT_URL", "http://api.example.com/", routing=routing)
    assert judged("PRODUCT_URL", "http://api.example.com/anything", routing=routing)
    assert not judged("ORDER_URL", "http://api.example.com/orders/", "web", routing=routing)


@pytest.mark.parametrize(
    "value", ["", "***", "https://example.com/products", "db.example:5432", "http://[", "http://x:port/", b.DNS]
)
def test_what_is_no_address_of_the_load_balancer(value: str) -> None:
    assert service_urls.addresses(definition(container(environment={"PRODUCT_URL": value})), [HTTP]) == ()


@pytest.mark.parametrize(
    ("variable", "services", "expected"),
    [
        ("PRODUCT_SERVICE_URL", ("product", "order"), "product"),
        ("productServiceUrl".upper(), ("product", "order"), ""),
        ("REPRODUCTION_URL", ("product",), ""),
        ("USER_PROFILE_URL", ("user", "user-profile"), "user-profile"),
        ("ORDER_TO_PRODUCT", ("product", "order"), ""),
        ("PRODUCT_URL", ("shop-dev-product", "shop-dev-order-service"), "shop-dev-product"),
        ("ORDER_URL", ("shop-dev-product", "shop-dev-order-service"), "shop-dev-order-service"),
        ("SHOP_URL", ("shop-dev-product", "shop-dev-order"), ""),
        ("PRODUCT_URL", ("product-service",), "product-service"),
    ],
)
def test_whom_a_variable_names(variable: str, services: tuple[str, ...], expected: str) -> None:
    assert service_urls.meant(variable, services) == expected


def test_the_graver_of_two_addresses_is_told_first() -> None:
    urls = {"PRODUCT_URL": f"http://{b.DNS}/products", "WEB_URL": f"http://{b.DNS}/orders/"}
    found = service_urls.addresses(definition(container(environment=urls)), [HTTP])
    verdict = service_urls.judge(b.service(name="order", service="shop-order"), found, GROUPS, {})

    assert verdict.observed.startswith("WEB_URL=")
    assert verdict.severity is None
    assert any("PRODUCT_URL" in line for line in verdict.evidence)


# -- the health path --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path", "ok"), [("web", "/health", True), ("product", "/health", False)])
def test_one_service_answers_the_health_path(name: str, path: str, ok: bool) -> None:
    verdict = service_urls.health_path_is_own(b.service(name=name), path, [HTTP], GROUPS)

    assert verdict is not None
    assert bool(verdict) is ok
    assert "is answered by web" in verdict.observed


def test_a_health_path_below_its_own_pattern_is_its_own() -> None:
    verdict = service_urls.health_path_is_own(b.service(name="product"), "/products/health", [HTTP], GROUPS)

    assert verdict


def test_another_listener_may_lead_to_it() -> None:
    routing = b.routing(*HTTP.listeners, b.listener(b.rule(None, b.forward(product=1)), port=8000))

    assert service_urls.health_path_is_own(b.service(name="product"), "/health", [routing], GROUPS)


def test_where_nothing_forwards_it_is_not_judged() -> None:
    routing = b.routing(b.listener(b.rule(None, b.fixed(404))))

    assert service_urls.health_path_is_own(b.service(name="product"), "/health", [routing], GROUPS) is None


@given(st.text(max_size=20), st.text(max_size=30))
def test_any_variable_and_any_address_is_judged_without_an_error(variable: str, tail: str) -> None:
    for url in (tail, f"http://{b.DNS}{tail}", f"https://{b.DNS}/{tail}"):
        found = service_urls.addresses(definition(container(environment={variable: url})), [HTTP])
        assert not found or service_urls.judge(b.service(name="order"), found, GROUPS, {}).summary
