"""Four server processes on one PostgreSQL: still one winner, still one answer (promises T49 and T50)."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from functools import partial

import pytest

from tests.promises.installation import Answer, Installation, all_at_once
from tests.promises.invariants import Deed
from tests.workflow.journeys import SUBMISSION

PROCESSES = 4


@pytest.mark.parametrize(
    "rounds", [2, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_the_same_request_fifty_times_at_once_over_four_processes_acts_once(
    large: Installation, rounds: int
) -> None:
    with large.serving_often(PROCESSES, VINHDANH_THREADS="16") as servers:
        token = large.token("diem")
        for _ in range(rounds):
            dossier = large.dossier("submitted")
            seen, key = large.world.version(dossier), str(uuid.uuid4())
            calls = [
                partial(servers[number % PROCESSES].client(token).act, dossier, "receive", seen, key)
                for number in range(50)
            ]
            answers: list[Answer] = all_at_once(calls)
            assert [answer.status for answer in answers] == [200] * 50, {a.body for a in answers}
            assert sum(not answer.json["repeated"] for answer in answers) == 1
            said = {(answer.json["state"], answer.json["version"]) for answer in answers}
            assert said == {("received", seen + 1)}
            large.journal.append(Deed(key, dossier, "receive", acknowledged=True))
    large.check()


@pytest.mark.parametrize(
    "rounds", [8, pytest.param(1000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]
)
def test_approve_against_return_over_four_processes_has_one_winner(large: Installation, rounds: int) -> None:
    """The loser is told the new state and version; nothing of the winner's is overwritten."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # shown when the test fails
    dice = random.Random(seed)
    dossier = large.dossier("pending_decision")
    winners = set()
    with large.serving_often(PROCESSES) as servers:
        for _ in range(rounds):
            seen = large.world.version(dossier)
            doors = dice.sample(servers, 2)
            chair, deputy = (
                door.client(large.token(who)) for door, who in zip(doors, ("an", "loc"), strict=True)
            )
            deeds = [
                Deed(str(uuid.uuid4()), dossier, "approve"),
                Deed(str(uuid.uuid4()), dossier, "return_for_review"),
            ]
            large.journal.extend(deeds)
            calls: list[Callable[[], Answer]] = [
                partial(chair.act, dossier, "approve", seen, deeds[0].key),
                partial(
                    deputy.act, dossier, "return_for_review", seen, deeds[1].key, reason="Xem lại danh sách."
                ),
            ]
            answers = all_at_once(calls)
            assert sorted(answer.status for answer in answers) == [200, 409], [a.body for a in answers]
            place = 0 if answers[0].status == 200 else 1
            won, lost = answers[place].json, answers[1 - place].json
            deeds[place].acknowledged = True
            winners.add(won["action"])
            assert lost["code"] == "changed_meanwhile"
            assert large.world.state(dossier) == won["state"]
            assert large.world.version(dossier) == won["version"] == seen + 1
            if won["action"] == "approve":
                large.world.act("an", dossier, "revoke_approval", reason="Giải phóng chỉ tiêu cho lượt sau.")
            else:
                large.world.act("tuyet", dossier, "submit_for_decision", fields=SUBMISSION)
    assert winners <= {"approve", "return_for_review"}
    large.check()
