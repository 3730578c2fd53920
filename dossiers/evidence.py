"""What the rows say that the record must say as well: the ends of chains, and the states that moves lead to.

`storage.verify` walks the record without knowing what a dossier is; these are the rows it is held against.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, literal, select, union_all

from dossiers.award_round import AwardRound
from dossiers.decision import Decision
from dossiers.dossier import Dossier
from dossiers.nominee import Nominee
from dossiers.org_unit import OrgUnit
from dossiers.people import Account

AnySelect = Select[*tuple[Any, ...]]


def chain_ends() -> dict[str, AnySelect]:
    """Return, for each kind of subject whose rows keep the end of their chain, its (ref, head, length)."""
    return {
        "dossier": select(Dossier.ref, Dossier.chain_head, Dossier.chain_length),
        "account": select(Account.ref, Account.chain_head, Account.chain_length),
        "org_unit": select(OrgUnit.ref, OrgUnit.chain_head, OrgUnit.chain_length),
        "award_round": select(AwardRound.ref, AwardRound.chain_head, AwardRound.chain_length),
        "decision": select(Decision.ref, Decision.chain_head, Decision.chain_length),
    }


def states() -> dict[str, AnySelect]:
    """Return where every dossier and every nominee stands: what happens to a nominee is in its dossier's
    chain.
    """
    rows = union_all(
        select(
            Dossier.ref.label("subject_ref"),
            literal("dossier").label("kind"),
            Dossier.ref.label("ref"),
            Dossier.state.label("state"),
            Dossier.version.label("version"),
        ),
        select(Dossier.ref, literal("nominee"), Nominee.ref, Nominee.state, Nominee.version).join(
            Nominee, Nominee.dossier_id == Dossier.id
        ),
    ).subquery()
    return {"dossier": select(rows)}
