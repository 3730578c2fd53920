"""Do the rows agree with the editions they name? What ``vinhdanh workflow check`` and ``doctor`` ask.

Every question is one grouped statement over the whole table, so a hundred thousand dossiers are a few rows
here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, and_, case, func, literal_column, or_, select

from dossiers.award_round import AwardRound
from dossiers.configuration import ConfigDocument, WorkflowState
from dossiers.dossier import ClockSpan, Dossier
from dossiers.functions import UNIT_FUNCTIONS
from dossiers.nominee import Nominee
from dossiers.vocabulary import VOCABULARY
from states.definition import SUBJECTS, Edition
from states.loader import load_edition
from states.problems import EditionInvalid
from storage.database import Database, Tx

# Words written into the statement itself: PostgreSQL does not see that two parameters of one value are the
# same expression in SELECT and GROUP BY.
_NONE, _DECIDER, _OTHER, _SAME, _DOSSIER, _NOMINEE = (
    literal_column(f"'{word}'", String) for word in ("none", "decider", "other", "same", "dossier", "nominee")
)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Rows that do not fit their edition: how many, and the code of one of them. ``code`` names the kind."""

    edition: str
    code: str
    what_vi: str
    what_en: str
    count: int
    example: str | None

    def line(self, language: str = "vi") -> str:
        """Return the disagreement as one line."""
        what = self.what_en if language == "en" else self.what_vi
        shown = "" if self.example is None else f" ({self.count}: {self.example} …)"
        return f"{self.edition}: {what}{shown}"


def check_editions(database: Database) -> tuple[Disagreement, ...]:
    """Return everything in which live rows and their editions differ; empty when all agree."""
    with database.reading() as tx:
        found: list[Disagreement] = []
        editions: dict[int, Edition] = {}
        for row in tx.connection.execute(
            select(
                ConfigDocument.id,
                ConfigDocument.kind,
                ConfigDocument.code,
                ConfigDocument.edition,
                ConfigDocument.sha256,
                ConfigDocument.body,
            ).order_by(ConfigDocument.id)
        ):
            name = f"{row.kind} {row.code}/{row.edition}"
            if hashlib.sha256(row.body).hexdigest() != row.sha256:
                found.append(
                    _about(name, "bytes", "nội dung không đúng với mã băm", "bytes do not give their hash")
                )
            if row.kind != "workflow":
                continue
            try:
                editions[row.id] = load_edition(row.body, VOCABULARY)
            except EditionInvalid as invalid:
                first = invalid.problems[0]
                found.append(
                    _about(
                        name, "unsound", f"{first.path}: {first.message_vi}", f"{first.path}: {first.message}"
                    )
                )
        found.extend(_states(tx, editions))
        found.extend(_turns(tx, editions))
        found.extend(_dossier_columns(tx, editions))
        found.extend(_nominees(tx, editions))
        found.extend(_clocks(tx, editions))
        return tuple(found)


def _about(
    edition: str, code: str, vi: str, en: str, count: int = 1, example: str | None = None
) -> Disagreement:
    return Disagreement(edition, code, vi, en, count, example)


def _name(editions: dict[int, Edition], edition_id: int) -> str:
    edition = editions.get(edition_id)
    return f"#{edition_id}" if edition is None else f"workflow {edition.code}/{edition.edition}"


def _states(tx: Tx, editions: dict[int, Edition]) -> Iterator[Disagreement]:
    """The rows made from an edition are exactly its states."""
    rows: dict[int, set[tuple[Any, ...]]] = {}
    for row in tx.connection.execute(select(WorkflowState.__table__)):
        rows.setdefault(row.edition_id, set()).add((row.subject, row.key, row.final, row.acting_function))
    for edition_id, edition in editions.items():
        written = {
            (subject, state.key, state.final, state.acting_function)
            for subject in SUBJECTS
            for state in edition.machine(subject).states.values()
        }
        for subject, key, *_ in sorted(written ^ rows.get(edition_id, set()), key=str):
            name = _name(editions, edition_id)
            yield _about(
                name,
                "states_differ",
                f"trạng thái {subject}.{key} trong bảng khác với ấn bản",
                f"the state {subject}.{key} in the table is not the edition's",
            )


def _turns(tx: Tx, editions: dict[int, Edition]) -> Iterator[Disagreement]:
    """Whose turn it is: the acting function of the state, for the unit or for the round's body."""
    unit_waits = Dossier.waiting_body_id.is_(None)
    body_waits = and_(
        Dossier.waiting_body_id.is_not(None), Dossier.waiting_body_id == AwardRound.decider_body_id
    )
    body = case((unit_waits, _NONE), (body_waits, _DECIDER), else_=_OTHER)
    for row in tx.connection.execute(
        select(
            Dossier.edition_id,
            Dossier.state,
            Dossier.waiting_function,
            body.label("body"),
            func.count().label("rows"),
            func.min(Dossier.code).label("example"),
        )
        .join(AwardRound, AwardRound.id == Dossier.round_id)
        .group_by(Dossier.edition_id, Dossier.state, Dossier.waiting_function, body)
    ):
        name = _name(editions, row.edition_id)
        edition = editions.get(row.edition_id)
        state = None if edition is None else edition.dossier.states.get(row.state)
        if state is None:
            yield _about(
                name,
                "state_unknown",
                f"hồ sơ ở trạng thái {row.state} mà ấn bản không có",
                f"dossiers in the state {row.state}, which the edition does not have",
                row.rows,
                row.example,
            )
            continue
        function = state.acting_function
        wanted = "none" if function is None or function in UNIT_FUNCTIONS else "decider"
        if row.waiting_function != function:
            yield _about(
                name,
                "waiting_function",
                f"hồ sơ ở {row.state} chờ {row.waiting_function}, ấn bản giao cho {function}",
                f"dossiers in {row.state} wait for {row.waiting_function}, the edition says {function}",
                row.rows,
                row.example,
            )
        elif row.body != wanted:
            yield _about(
                name,
                "waiting_body",
                f"hồ sơ ở {row.state} chờ sai cơ quan",
                f"dossiers in {row.state} wait for another body than the round's",
                row.rows,
                row.example,
            )


def _dossier_columns(tx: Tx, editions: dict[int, Edition]) -> Iterator[Disagreement]:
    """The regime is frozen exactly where the dossier is complete, and is a regime."""
    regime = select(ConfigDocument.id).where(ConfigDocument.kind == "regime")
    wrong = or_(
        Dossier.regime_id.is_(None) != Dossier.complete_on.is_(None),
        and_(Dossier.regime_id.is_not(None), Dossier.regime_id.not_in(regime)),
    )
    for row in tx.connection.execute(
        select(Dossier.edition_id, func.count().label("rows"), func.min(Dossier.code).label("example"))
        .where(wrong)
        .group_by(Dossier.edition_id)
    ):
        yield _about(
            _name(editions, row.edition_id),
            "regime",
            "chế độ pháp lý và ngày đủ hồ sơ không đi cùng nhau",
            "regime and day of completeness do not stand together",
            row.rows,
            row.example,
        )


def _nominees(tx: Tx, editions: dict[int, Edition]) -> Iterator[Disagreement]:
    """A nominee is in a state of its edition, which is its dossier's."""
    same = case((Nominee.edition_id == Dossier.edition_id, _SAME), else_=_OTHER)
    for row in tx.connection.execute(
        select(
            Nominee.edition_id,
            Nominee.state,
            same.label("same"),
            func.count().label("rows"),
            func.min(Dossier.code).label("example"),
        )
        .join(Dossier, Dossier.id == Nominee.dossier_id)
        .group_by(Nominee.edition_id, Nominee.state, same)
    ):
        name = _name(editions, row.edition_id)
        edition = editions.get(row.edition_id)
        if row.same != "same":
            yield _about(
                name,
                "nominee_edition",
                "người được đề nghị theo ấn bản khác với hồ sơ",
                "nominees follow another edition than their dossier",
                row.rows,
                row.example,
            )
        if edition is None or row.state not in edition.nominee.states:
            yield _about(
                name,
                "nominee_state_unknown",
                f"người được đề nghị ở trạng thái {row.state} mà ấn bản không có",
                f"nominees in the state {row.state}, which the edition does not have",
                row.rows,
                row.example,
            )


def _clocks(tx: Tx, editions: dict[int, Edition]) -> Iterator[Disagreement]:
    """Running clocks are limits of the edition; a state shows the last good day of its own limit, and no
    other.
    """
    subject = case((ClockSpan.nominee_id.is_(None), _DOSSIER), else_=_NOMINEE)
    for row in tx.connection.execute(
        select(
            Dossier.edition_id,
            ClockSpan.limit_code,
            subject.label("subject"),
            func.count().label("rows"),
            func.min(Dossier.code).label("example"),
        )
        .join(Dossier, Dossier.id == ClockSpan.dossier_id)
        .where(ClockSpan.ended_at.is_(None))
        .group_by(Dossier.edition_id, ClockSpan.limit_code, subject)
    ):
        edition = editions.get(row.edition_id)
        limits = edition.machine(row.subject).limits if edition is not None else {}
        if row.limit_code not in limits:
            yield _about(
                _name(editions, row.edition_id),
                "limit_unknown",
                f"đồng hồ {row.limit_code} đang mở mà ấn bản không có",
                f"open clocks {row.limit_code}, which the edition does not have",
                row.rows,
                row.example,
            )
    for edition_id, edition in editions.items():
        yield from _due_days(tx, edition_id, edition)


def _due_days(tx: Tx, edition_id: int, edition: Edition) -> Iterator[Disagreement]:
    by_limit: dict[str | None, list[str]] = {}
    for state in edition.dossier.states.values():
        by_limit.setdefault(None if state.limit is None else state.limit.code, []).append(state.key)
    for limit, states in by_limit.items():
        statement = select(func.count().label("rows"), func.min(Dossier.code).label("example")).where(
            Dossier.edition_id == edition_id, Dossier.state.in_(states)
        )
        if limit is None:
            statement = statement.where(Dossier.due_on.is_not(None))
        else:
            ours = and_(
                ClockSpan.dossier_id == Dossier.id,
                ClockSpan.limit_code == limit,
                ClockSpan.nominee_id.is_(None),
                ClockSpan.ended_at.is_(None),
            )
            statement = statement.outerjoin(ClockSpan, ours).where(
                Dossier.due_on.is_distinct_from(ClockSpan.due_on)
            )
        row = tx.connection.execute(statement).one()
        if row.rows:
            yield _about(
                f"workflow {edition.code}/{edition.edition}",
                "due_on",
                f"hạn ghi ở hồ sơ khác với đồng hồ {limit}",
                f"the deadline of dossiers is not that of their clock {limit}",
                row.rows,
                row.example,
            )
