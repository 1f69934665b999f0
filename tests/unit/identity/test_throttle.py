"""Token buckets: what they hold, how they fill, and whom they keep apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtap.errors import TooManyRequests
from xtap.identity import throttle
from xtap.identity.throttle import Buckets, Throttle
from xtap.model.ids import TenantId
from xtap.service.caller import Caller

A, B = TenantId("a0000000-0000-4000-8000-000000000001"), TenantId("b0000000-0000-4000-8000-000000000002")


class Time:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def caller(tenant: TenantId = A, client: str = "one") -> Caller:
    return Caller(tenant, "oid", client, None, is_application=True, permissions=frozenset())


def admitted(limits: Throttle, who: Caller, requests: int) -> int:
    count = 0
    for _ in range(requests):
        try:
            limits.admit(who)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_a_bucket_gives_what_it_holds_and_then_its_rate():
    time = Time()
    bucket = Buckets(2.0, 4.0, time)
    assert [bucket.take("x") for _ in range(5)] == [0.0, 0.0, 0.0, 0.0, pytest.approx(0.5)]
    assert bucket.wait("x") == pytest.approx(0.5)
    time.now += 0.5
    assert bucket.take("x") == 0.0
    assert bucket.take("x") > 0
    time.now += 3_600
    assert [bucket.take("x") > 0 for _ in range(5)] == [False, False, False, False, True]


def test_what_is_given_back_can_be_taken_again():
    bucket = Buckets(0.1, 1.0, Time())
    assert bucket.take("x") == 0.0
    assert bucket.take("x") > 0
    bucket.give_back("x")
    assert bucket.take("x") == 0.0


def test_what_is_owed_is_made_up_for_first():
    time = Time()
    limits = Throttle(2.0, 10.0, time)
    assert admitted(limits, caller(), 1) == 1
    limits.count(caller(), 49)
    assert admitted(limits, caller(), 1) == 0
    assert admitted(limits, caller(client="another"), 60) == 20  # its own bucket; the tenant's had 100, less 50
    time.now += 15.0  # the client owed 50 of the 20 that it had
    assert admitted(limits, caller(), 1) == 0
    time.now += 0.5
    assert admitted(limits, caller(), 2) == 1
    assert admitted(limits, caller(tenant=B), 5) == 5


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 50),
    pauses=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_nobody_gets_more_than_a_bucket_and_its_rate(rate: float, burst: int, pauses: list[float]):
    time = Time()
    bucket = Buckets(rate, burst, time)
    given_ = refused = 0
    for pause in pauses:
        time.now += pause
        waiting = bucket.take("x")
        given_ += waiting == 0
        refused += waiting > 0
        assert waiting <= 1 / rate + 1e-6
    assert given_ <= burst + rate * sum(pauses) + 1e-6
    assert given_ >= min(len(pauses), burst)
    assert given_ + refused == len(pauses)


def test_who_was_not_heard_of_longest_is_forgotten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttle, "REMEMBERED", 2)
    bucket = Buckets(0.001, 1, Time())
    assert [bucket.take(name) for name in ("a", "b", "c")] == [0, 0, 0]
    assert bucket.take("b") > 0
    assert bucket.take("a") == 0


def test_clients_and_tenants_have_limits_of_their_own():
    limits = Throttle(1.0, 2.0, Time())
    assert admitted(limits, caller(A, "one"), 30) == 10
    assert admitted(limits, caller(A, "two"), 30) == 10
    assert admitted(limits, caller(A, "three"), 30) == 0
    assert admitted(limits, caller(B, "one"), 30) == 10


def test_a_loud_client_does_not_use_up_what_its_tenant_may():
    limits = Throttle(0.1, 0.2, Time())
    assert admitted(limits, caller(A, "loud"), 1_000) == 1
    assert admitted(limits, caller(A, "quiet"), 1) == 1


def test_without_a_limit_nobody_is_refused():
    assert admitted(Throttle(0, 0, Time()), caller(), 10_000) == 10_000


def test_a_refusal_says_when_to_come_again():
    limits = Throttle(0.01, 0, Time())
    limits.admit(caller())
    with pytest.raises(TooManyRequests, match="retry after 100 seconds") as refusal:
        limits.admit(caller())
    assert refusal.value.retry_after == 100
