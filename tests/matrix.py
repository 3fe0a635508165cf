"""Cases of the fault matrix: one world each, judged by the checks of all scenarios, and remembered for the whole run.

Whoever needs a case first judges it; the others, whichever xdist worker they run on, read what it found.
"""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from hashlib import sha256
from itertools import combinations
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
from filelock import FileLock
from msgspec import structs

from fixtures.each import Each
from fixtures.errors import NotApplicable, Unavailable
from fixtures.gather import REGISTRY, closure
from fixtures.iam import action_of
from fixtures.model.terraform import Attempt, Configuration
from fixtures.run import Environment, Run, load_facts, preflight
from fixtures.sandbox.faults import Fault, get
from fixtures.sandbox.server import Host
from fixtures.secret import MASK
from fixtures.terraform import Answer, Bench
from reports import conclusions
from reports.finding import Finding, Results
from tests import attached
from tests.harness import Outcomes
from tests.kept import KeptSession

T = TypeVar("T")
DIRECTORY = "RUNBOOK_MATRIX_DIRECTORY"
HEALTHY = "healthy"
# These hold how long something took, or where this world's copy for terraform lies: they are never the same twice.
_VOLATILE = frozenset({"health_probes", "terraform_bench", "terraform_init"})
load_facts()


@dataclass(frozen=True)
class Look:
    """How a world is judged: always by the checks of all scenarios.

    Args:
        terraform: the terraform binary is there. It takes seconds, so worlds that have nothing to do with it go without,
            and what it would have been asked does not apply.
        probe: with ``--exec-probe``.
    """

    terraform: bool = False
    probe: bool = False

    @classmethod
    def at(cls, one: Fault) -> Look:
        """What it takes to see a fault."""
        return cls("terraform" in one.tags, "exec" in one.tags)


PLAIN = Look()


@dataclass(frozen=True)
class Case(Outcomes):
    """What the checks found in one world.

    Args:
        facts: what every fact was; of a world other than the healthy one, only of those that are otherwise there.
        asked: the facts that each finding was judged on, by the finding's id.
        changed: the findings that the healthy world has otherwise, by id.
    """

    name: str
    look: Look
    results: Results
    facts: Mapping[str, Any] = field(default_factory=dict)
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    changed: Mapping[str, Finding] = field(default_factory=dict)

    @property
    def news(self) -> list[Finding]:
        """What is broken otherwise than in the healthy world, whose prevention gaps are advisory all along."""
        return [f for f in self.changed.values() if f.broken]

    @cached_property
    def by_id(self) -> dict[str, Finding]:
        """Findings by id."""
        return {f.id: f for f in self.results.findings}

    @cached_property
    def roots(self) -> list[conclusions.Root]:
        """The root causes that the checks found."""
        return list(conclusions.found_roots(self.results))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The facts that its own were computed from."""
        return frozenset(f.name for f in closure(self.facts)) - set(self.facts)

    @cached_property
    def touched(self) -> frozenset[str]:
        """The ids of findings that were judged on one of its facts."""
        return frozenset(i for i, facts in self.asked.items() if not self.facts.keys().isdisjoint(facts))


@cache
def fault_case(host: Host, one: Fault) -> Case:
    """The world with one fault; its facts are those that differ from the healthy world's."""

    def look() -> Case:
        case = _judge(host, one.name, Look.at(one), healthy_case(host, Look.at(one)), faults=(one.name,))
        seen = {n for i in case.changed for n in case.asked[i]}
        return replace(case, facts={n: v for n, v in case.facts.items() if n not in _VOLATILE or n in seen})

    return _remembered(one.name, look)


@cache
def healthy_case(host: Host, look: Look = PLAIN) -> Case:
    """The healthy world, looked at in the same way."""
    # Not shared between workers: each has a sandbox of its own, whose ids are its own too.
    return _judge(host, HEALTHY, look)


def passed_when_healthy(host: Host) -> set[str]:
    """The checks that the healthy world passes, those of terraform included."""
    return _remembered("passed", lambda: healthy_case(host, Look(terraform=True)).checks("passed"))


def seen(host: Host, name: str) -> Case:
    """The case of a fault or world by its name: for tests of what is said there, which cost nothing more."""
    return fault_case(host, get(name))


def denied_case(host: Host, service: str) -> Case:
    """The healthy world in which every action of a service is denied."""
    deny = (f"{service}:*",)
    return _remembered(f"denied-{service}", lambda: _judge(host, service, PLAIN, healthy_case(host), deny=deny))


def allowed_case(host: Host, policy: Mapping[str, Any], faults: tuple[str, ...] = ()) -> Case:
    """A world, by default the healthy one, seen by somebody whom a policy allows what it does."""
    return _judge(host, "policy", PLAIN, healthy_case(host), faults=faults, policy=policy)


def _judge(
    host: Host,
    name: str,
    look: Look,
    healthy: Case | None = None,
    *,
    faults: tuple[str, ...] = (),
    deny: tuple[str, ...] = (),
    policy: Mapping[str, Any] | None = None,
) -> Case:
    with (
        host.fork(faults, deny, policy=policy, same_address=True) as world,
        _validated_once() if look.terraform else _without_terraform(),
    ):
        as_healthy = not (world.touched or deny or look.probe) and policy is None
        answers = _answers(host, look) if as_healthy else {}
        seen = _kept_session(host, look.probe).judge(world, _Known(healthy), answers)
        for failed in [question for question, answer in answers.items() if answer.exception()]:
            del answers[failed]
    facts, changed = seen.facts, {}
    if healthy is not None:
        facts = {n: v for n, v in facts.items() if not _same(v, healthy.facts[n])}
        changed = {f.id: f for f in seen.results.findings if _differs(f, healthy.by_id.get(f.id))}
    # Errors among the facts remember where they were raised, and with that the whole run.
    return Case(name, look, seen.results, pickle.loads(pickle.dumps(facts)), seen.asked, changed)


@cache
def _answers(_host: Host, _look: Look) -> dict[Any, Any]:
    """What AWS answers in the healthy world, and in others that have nothing to do with AWS."""
    return {}


@cache
def _kept_session(host: Host, probe: bool) -> KeptSession:
    made = KeptSession(host, ("--exec-probe",) if probe else ())
    _SESSIONS.append(made)
    return made


_SESSIONS: list[KeptSession] = []


def close() -> None:
    """End what was kept for further cases."""
    while _SESSIONS:
        _SESSIONS.pop().close()
    attached.close()


def _without_terraform() -> Any:
    return mock.patch("fixtures.terraform.binary", side_effect=Unavailable("terraform", "missing_tool", "left out"))


def _validated_once() -> Any:
    """What terraform says of the same files is the same: most worlds have those of the healthy one."""

    def run(
        bench: Bench, env: Mapping[str, str], timeout_s: float, subcommand: str, *rest: str, **options: Any
    ) -> Answer:
        if subcommand not in ("validate", "fmt"):
            return attached.run(bench, env, timeout_s, subcommand, *rest, **options)
        files = sorted(p for p in Path(bench.directory).rglob("*") if p.is_file())
        content = b"".join(f"{p.relative_to(bench.directory)}\0".encode() + p.read_bytes() + b"\0" for p in files)
        content += str(attached.can_load(bench, env)).encode()
        name = f"terraform-{subcommand}-{sha256(content).hexdigest()}"
        return _remembered(name, lambda: attached.run(bench, env, timeout_s, subcommand, *rest, **options))

    return mock.patch("fixtures.terraform.run", run)


class _Known:
    """Checks see nothing but facts, so of the same facts as in the healthy world they say the same again."""

    def __init__(self, healthy: Case | None) -> None:
        self._healthy = healthy
        self._same: dict[tuple[str, str], bool] = {}

    def __call__(self, item: pytest.Item, run: Run) -> Finding | None:
        if self._healthy is None:
            return None
        service = item.callspec.params.get("service_name", "") if hasattr(item, "callspec") else ""
        asked = self._healthy.asked[item.nodeid]
        return self._healthy.by_id[item.nodeid] if all(self._is_same(n, service, run) for n in asked) else None

    def _is_same(self, name: str, service: str, run: Run) -> bool:
        """A check of one service sees that service's own part of what is known of each."""
        key = (name, service if REGISTRY[name].per else "")
        if key not in self._same:
            (environment,) = run
            assert self._healthy is not None
            self._same[key] = _same(_own(_outcome(environment, name), key[1]), _own(self._healthy.facts[name], key[1]))
        return self._same[key]


def _own(found: Any, service: str) -> Any:
    return found._answers.get(service, _NOTHING) if service and isinstance(found, Each) else found


_NOTHING = object()


def _outcome(environment: Environment, name: str) -> Any:
    try:
        return environment.get(name)
    except (Unavailable, NotApplicable) as e:
        return e


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Each):
        return isinstance(other, Each) and _same(one._answers, other._answers)
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(one, (Unavailable, NotApplicable)):
        return type(one) is type(other) and str(one) == str(other)
    if isinstance(one, (Attempt, Configuration)):
        # Errors are never equal, so that what holds one is compared part by part.
        return type(one) is type(other) and _same(structs.asdict(one), structs.asdict(other))
    return bool(one == other)


def _remembered(name: str, look: Callable[[], T]) -> T:
    directory = Path(os.environ[DIRECTORY])
    file = directory / f"{name}.case"
    with FileLock(directory / f"{name}.lock"):
        if file.exists():
            found: T = pickle.loads(file.read_bytes())
            return found
        case = look()
        file.write_bytes(pickle.dumps(case))
    return case


# -- judging the judges ---------------------------------------------------------------------------------------------

SERVICES = sorted({a.partition(":")[0] for f in REGISTRY.values() for a in f.asks} - {"sts"})
_ACTIONS = {s: sorted({action_of(a.partition("@")[0]) for f in REGISTRY.values() for a in f.asks
                       if a.startswith(f"{s}:")}) for s in SERVICES}  # fmt: skip
_SAMPLE = 16


@dataclass(frozen=True)
class Judged:
    """What was wrong with what the checks said of a case; all empty if nothing.

    Args:
        kind: fault, world, denied, pair or together.
        missed: checks that should have turned red (or unverified, where a service was denied).
        false_alarms: broken findings that nothing in this world explains.
        misread: checks that say something else where they could not look, or could not look where they could.
        roots: the checks that were named as roots.
        wrong_roots: those of them that are not the fault's own.
        silent: checks whose findings have no command to paste, or one that has something masked in it.
    """

    name: str
    kind: str
    scenario: str
    missed: tuple[str, ...] = ()
    false_alarms: tuple[str, ...] = ()
    misread: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    wrong_roots: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    folded: bool = False
    explained: str = ""


def judge_fault(host: Host, one: Fault) -> Judged:
    """A fault: seen by its checks, by no others, as its own root."""
    case = fault_case(host, one)
    news, roots = case.news, case.roots
    allowed = {*one.turns_red, *one.may_turn_red}
    explained = {f.id for r in roots if r.first.check in allowed for f in (*r.findings, *r.consequences)}
    wrong = [r for r in roots if not _is_own(r, one)]
    return _kept(
        Judged(
            one.name,
            "fault",
            one.scenario,
            missed=tuple(sorted(set(one.turns_red) - {f.check for f in news})),
            false_alarms=tuple(sorted({f.check for f in news if f.check not in allowed and f.id not in explained})),
            misread=tuple(sorted(case.checks("unverified") ^ set(one.blinds))),
            roots=tuple(r.first.check for r in roots),
            wrong_roots=tuple(r.first.check for r in wrong),
            silent=tuple(sorted({f.check for f in news if not _can_be_pasted(f)} - _NOTHING_TO_PASTE)),
            explained=f"{one.name}:\n{case.explained()}",
        )
    )


# What they ask for is made in a console or a workflow.
_NOTHING_TO_PASTE = {"check_cost_explorer_is_enabled", "check_terraform_runs_in_ci"}


def _can_be_pasted(finding: Finding) -> bool:
    return bool(finding.commands) and not any(MASK in c for c in finding.commands)


def _is_own(root: conclusions.Root, one: Fault) -> bool:
    """The root is one of the checks that the fault turns red, or names such a milder one as lying behind it."""
    return bool({root.first.check, *(f.check for f in root.milder)} & set(one.turns_red))


def judge_world(host: Host, one: Fault) -> Judged:
    """A healthy world: nothing in it is broken but what was announced."""
    case = fault_case(host, one)
    allowed = {*one.turns_red, *one.may_turn_red}
    return _kept(
        Judged(
            one.name,
            "world",
            one.scenario,
            false_alarms=tuple(sorted({f.check for f in case.news} - allowed)),
            misread=tuple(sorted(case.checks("unverified"))),
            explained=f"{one.name}:\n{case.explained()}",
        )
    )


def judge_denied(host: Host, service: str) -> Judged:
    """A service that refuses everything: who needs it could not look and says why; nobody takes it for a fault."""
    case, before = denied_case(host, service), healthy_case(host)
    blind = case.results.of("unverified")
    asked = any(o.startswith(f"{service}:") for o in before.results.api["by_operation"])
    unnamed = {f.check for f in blind if f.iam_action not in _ACTIONS[service] or f.unavailable_cause != "denied"}
    misread = {f.check for f in case.news} | unnamed
    # Whoever needs nothing of the service says what it said.
    others = {i for i, facts in case.asked.items() if not _asks(facts, service)}
    misread |= {f.check for i, f in case.changed.items() if i in others}
    return _kept(
        Judged(
            service,
            "denied",
            service,
            missed=("no check noticed",) if asked and not blind else (),
            misread=tuple(sorted(misread)),
            explained=f"{service} denied:\n{case.explained()}",
        )
    )


def _asks(facts: tuple[str, ...], service: str) -> bool:
    return any(a.startswith(f"{service}:") for f in closure((*preflight(facts), *facts)) for a in f.asks)


def _differs(now: Finding, before: Finding | None) -> bool:
    return before is None or (now.outcome, now.summary) != (before.outcome, before.summary)


# -- pairs ----------------------------------------------------------------------------------------------------------


def meet(one: Case, other: Case) -> bool:
    """Whether two worlds change facts that some check, or some other fact, sees together."""
    mine, theirs = one.facts.keys(), other.facts.keys()
    return bool(mine & theirs or one.needed & theirs or other.needed & mine or one.touched & other.touched)


def judge_pair(host: Host, one: Fault, other: Fault) -> Judged:
    """Two faults at once, where no check sees both: each finding is that of the world that changed it.

    Checks judge nothing but facts, so this is what a run would find. What is new is only which explains which.
    """
    first, second = fault_case(host, one), fault_case(host, other)
    if first.look != second.look or meet(first, second):
        return Judged(f"{one.name} + {other.name}", "meet", one.scenario)
    # What neither has changed is in both as in the healthy world.
    changed = {**first.changed, **second.changed}
    found = [second.changed.get(f.id, f) for f in first.results.findings]
    both = Results(**{**structs.asdict(first.results), "findings": found, "roots": ()})
    conclusions.conclude(both)
    roots = conclusions.found_roots(both)
    shown = {f.id for r in roots for f in (*r.findings, *r.consequences)}
    was = {r.first.check for case in (first, second) for r in case.roots}
    lost = [i for i, f in changed.items() if f.outcome == "failed" and i not in shown]
    now = {r.first.check for r in roots}
    return _kept(
        Judged(
            f"{one.name} + {other.name}",
            "pair",
            one.scenario,
            missed=tuple(lost),
            roots=tuple(sorted(now)),
            wrong_roots=tuple(sorted(now - was)),
            folded=now != was,
            explained=f"{one.name} + {other.name}: lost {lost}, roots {sorted(now)} after {sorted(was)}",
        )
    )


def sample_of_pairs(faults: Sequence[Fault]) -> list[tuple[Fault, Fault]]:
    """Pairs that are really run, spread over all faults; the same ones each time."""
    quick = [f for f in faults if not set(f.tags) & {"terraform", "exec", "postgres"}]
    pairs = [(a, b) for a, b in combinations(quick, 2) if a.scenario != b.scenario]
    by_hash = sorted(pairs, key=lambda p: sha256(f"{p[0].name}+{p[1].name}".encode()).hexdigest())
    return by_hash[:_SAMPLE]


def judge_together(host: Host, one: Fault, other: Fault) -> Judged:
    """Two faults injected into one world, and really run."""
    name = f"{one.name} + {other.name}"
    faults = (one.name, other.name)
    case = _remembered(name.replace(" ", ""), lambda: _judge(host, name, PLAIN, healthy_case(host), faults=faults))
    # One may hide the other only by leaving nothing to look at, which the check then says.
    silent = {*case.checks("not_applicable"), *case.checks("unverified")}
    alone = {
        f.check for c in (fault_case(host, one), fault_case(host, other)) for f in c.results.of("failed", "advisory")
    }
    missed = {*one.turns_red, *other.turns_red} - {f.check for f in case.news} - silent
    allowed = {*alone, *one.may_turn_red, *other.may_turn_red, *one.turns_red, *other.turns_red}
    roots = case.roots
    own = {f.id for r in roots if r.first.check in allowed for f in (*r.findings, *r.consequences)}
    return _kept(
        Judged(
            name,
            "together",
            one.scenario,
            missed=tuple(sorted(missed)),
            false_alarms=tuple(sorted({f.check for f in case.news if f.check not in allowed and f.id not in own})),
            roots=tuple(r.first.check for r in roots),
            explained=f"{name}:\n{case.explained()}",
        )
    )


# -- for the table --------------------------------------------------------------------------------------------------


def _kept(judged: Judged) -> Judged:
    """Remember the judgement for the table; without the long text."""
    line = json.dumps({k: v for k, v in vars(judged).items() if k != "explained"})
    with (Path(os.environ[DIRECTORY]) / f"{os.getpid()}.judged").open("a", encoding="utf-8") as out:
        out.write(line + "\n")
    return judged


def table(directory: Path) -> list[str]:
    """What ``make matrix`` prints: per scenario, then each miss by name."""
    rows = {(d["kind"], d["name"]): d for f in directory.glob("*.judged") for d in map(json.loads, f.open())}
    kept = [r for r in rows.values() if r["kind"] not in ("meet",)]
    lines = [f"{'':16}{'faults':>8}{'detected':>10}{'root right':>12}{'worlds':>8}{'false alarms':>14}{'misread':>9}"]
    for scenario in sorted({r["scenario"] for r in kept if r["kind"] == "fault"}):
        lines.append(_row(scenario, [r for r in kept if r["scenario"] == scenario and r["kind"] in ("fault", "world")]))
    lines.append(_row("all", [r for r in kept if r["kind"] in ("fault", "world")]))
    denied = [r for r in kept if r["kind"] == "denied"]
    lines.append(f"\n{len(denied)} services denied, {sum(1 for r in denied if r['misread'])} misread")
    for kind, said in (("pair", "pairs whose facts do not meet"), ("together", "pairs that were really run")):
        found = [r for r in kept if r["kind"] == kind]
        wrong = sum(1 for r in found if r["missed"] or r["wrong_roots"] or r["false_alarms"])
        folded = sum(1 for r in found if r["folded"])
        more = f", {folded} with one root folded under the other" if folded else ""
        lines.append(f"{len(found)} {said}: {wrong} wrong{more}")
    misses = [r for r in kept if r["missed"] or r["false_alarms"] or r["misread"] or r["wrong_roots"]]
    lines += [f"MISS {r['kind']} {r['name']}: {_wrong(r)}" for r in misses]
    return lines


def _row(name: str, rows: list[dict[str, Any]]) -> str:
    faults = [r for r in rows if r["kind"] == "fault"]
    seen = sum(1 for r in faults if not r["missed"])
    right = sum(1 for r in faults if not r["wrong_roots"])
    alarms, misread = sum(len(r["false_alarms"]) for r in rows), sum(len(r["misread"]) for r in rows)
    worlds = len(rows) - len(faults)
    return f"{name:16}{len(faults):8}{seen:10}{right:12}{worlds:8}{alarms:14}{misread:9}"


def _wrong(row: dict[str, Any]) -> str:
    return "; ".join(
        f"{k}: {', '.join(row[k])}" for k in ("missed", "false_alarms", "misread", "wrong_roots") if row[k]
    )
