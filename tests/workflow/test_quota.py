"""Seats: what an award takes, it gives back when it is cancelled, and nobody else's with it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from dossiers.award_round import QuotaPool, QuotaUse
from dossiers.nominee import Nominee
from storage.files import Files
from tests.builders import World, give_paper
from tests.scenarios.test_sc01_happy_path import appraised
from tests.workflow.journeys import MEETING, SUBMISSION


def seats(world: World) -> dict[str, datetime | None]:
    """Return when each nominee's seat was given back, None while it is taken."""
    with world.database.reading() as tx:
        return dict(
            tx.session.execute(
                select(Nominee.ref, QuotaUse.released_at).join(Nominee, Nominee.id == QuotaUse.nominee_id)
            ).all()
        )


def used(world: World) -> dict[str, int]:
    """Return how many seats each kind has taken."""
    with world.database.reading() as tx:
        return dict(tx.session.execute(select(QuotaPool.nominee_kind, QuotaPool.used)).all())


def test_a_cancelled_award_gives_its_own_seat_back_and_no_other(world: World, files: Files) -> None:
    dossier, station, ngan = appraised(world, files)
    world.act("khai", dossier, "record_review_meeting", fields=MEETING)
    world.act("tuyet", dossier, "submit_for_decision", fields=SUBMISSION)
    world.act("an", dossier, "approve")
    paper = give_paper(world, files, "tuyet", dossier, "decision")
    issue = {"number": "3412", "issued_on": "04/11/2024", "decision_paper": paper}
    world.act("tuyet", dossier, "issue", fields=issue)
    assert used(world) == {"collective": 1, "individual": 1, "household": 0}
    world.act(
        "an",
        dossier,
        "cancel_award",
        nominee_ref=station,
        reason="Khai không đúng thành tích.",
        fields={"decision_number": "44/QĐ-UBND", "decided_on": "04/11/2024"},
    )
    assert used(world) == {"collective": 0, "individual": 1, "household": 0}
    released = seats(world)
    assert released[station] is not None
    assert released[ngan] is None
