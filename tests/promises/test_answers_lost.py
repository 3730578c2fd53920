"""The deed is done, the answer is lost: the client asks again and it is done once (promise T48)."""

from __future__ import annotations

import pytest

from tests.promises.installation import Installation, Rider
from tests.services.cutting_proxy import cutting_proxy


@pytest.mark.parametrize("cuts", [30, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(1800)])])
def test_a_deed_whose_answer_was_lost_is_done_once_however_often_it_is_asked_for(
    installation: Installation, cuts: int
) -> None:
    """Each connection is cut after the commit and before the first byte of the answer; on both, so twice
    ``cuts``.
    """
    with installation.serving() as server, cutting_proxy("127.0.0.1", server.port) as proxy:
        riders = [Rider.on(installation, "received"), Rider.on(installation, "pending_decision")]
        for number in range(cuts):
            rider = riders[number % 2]
            # The first answer is always lost, in every third deed the second as well.
            lost = 2 if number % 3 == 0 else 1
            proxy.use(loses=lambda n, lost=lost: n < lost)  # type: ignore[misc]  # the default binds it now
            answer = rider.ride(rider.client(server, proxy.port), pause=0)
            assert answer.json["repeated"] is True, "the first request had been carried out"
            assert proxy.answers == lost + 1
    heard = [status for rider in riders for _, status in rider.statuses]
    assert heard.count(None) >= cuts
    assert set(heard) == {None, 200}
    assert len(installation.journal) == cuts
    installation.check()
