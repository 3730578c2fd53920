"""Which route is for whom: the table that closes every door not named in it (promise T01).

A route that is missing here answers 404 and fails a test. The table says only who may come to the door;
what may be seen and done behind it is judged by ``workflow/permissions``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dossiers.functions import ADMINISTRATOR, AUDITOR, UNIT_FUNCTIONS


@dataclass(frozen=True, slots=True)
class Access:
    """``public`` needs nobody, ``bearer`` is judged by the API itself, ``functions`` empty admits all
    signed in.
    """

    public: bool = False
    bearer: bool = False
    functions: frozenset[str] = frozenset()


PUBLIC = Access(public=True)
BEARER = Access(bearer=True)
SIGNED_IN = Access()
UNIT = Access(functions=UNIT_FUNCTIONS)
AUDIT = Access(functions=frozenset({AUDITOR}))
ADMIN = Access(functions=frozenset({ADMINISTRATOR}))

POLICY: Mapping[str, Access] = {
    "static": PUBLIC,
    "about.healthz": PUBLIC,
    "about.readyz": PUBLIC,
    "about.help_page": PUBLIC,
    "about.accessibility": PUBLIC,
    "about.language": PUBLIC,
    "door.log_in": PUBLIC,
    "door.forgot": PUBLIC,
    "door.activate": PUBLIC,
    "door.reset": PUBLIC,
    "door.as_person": PUBLIC,  # registered on a demo only
    "door.log_out": PUBLIC,  # whose session has ended must still come out
    "home.start": SIGNED_IN,
    "home.waiting": SIGNED_IN,
    "home.search": SIGNED_IN,
    "home.unit_dossiers": UNIT,
    "account.account_page": SIGNED_IN,
    "account.change_password": SIGNED_IN,
    "account.end_session": SIGNED_IN,
    "account.end_other_sessions": SIGNED_IN,
    "account.revoke_token": SIGNED_IN,
    "dossier.dossier_page": SIGNED_IN,
    "dossier.papers_page": SIGNED_IN,
    "dossier.remarks_page": SIGNED_IN,
    "dossier.deeds_page": SIGNED_IN,
    "dossier.nominee_page": SIGNED_IN,
    "dossier.version_page": SIGNED_IN,
    "draft.new_dossier": UNIT,
    "draft.general": UNIT,
    "draft.new_nominee": UNIT,
    "draft.edit_nominee": UNIT,
    "draft.remove_nominee": UNIT,
    "papers.upload": SIGNED_IN,
    "papers.withdraw": SIGNED_IN,
    "papers.download": SIGNED_IN,
    "act.act": SIGNED_IN,
    "act.act_on_nominee": SIGNED_IN,
    "history.dossier_history": SIGNED_IN,
    "history.record_search": AUDIT,
    "administration.units": ADMIN,
    "administration.new_unit": ADMIN,
    "administration.unit": ADMIN,
    "administration.rename_unit": ADMIN,
    "administration.set_function": ADMIN,
    "administration.people": ADMIN,
    "administration.invite": ADMIN,
    "administration.person": ADMIN,
    "administration.add_membership": ADMIN,
    "administration.end_membership": ADMIN,
    "administration.disable": ADMIN,
    "administration.enable": ADMIN,
    "administration.new_link": ADMIN,
    "administration.given_up": ADMIN,
    "administration.try_again": ADMIN,
    "api.openapi": BEARER,  # the description itself needs nobody
    "api.list_rounds": BEARER,
    "api.list_dossiers": BEARER,
    "api.open_dossier": BEARER,
    "api.read_dossier": BEARER,
    "api.fill_in_dossier": BEARER,
    "api.read_frozen_version": BEARER,
    "api.add_nominee": BEARER,
    "api.fill_in_nominee": BEARER,
    "api.remove_nominee": BEARER,
    "api.add_paper": BEARER,
    "api.withdraw_paper": BEARER,
    "api.download_file": BEARER,
    "api.act": BEARER,
    "api.act_on_nominee": BEARER,
    "api.list_waiting": BEARER,
    "api.count_waiting": BEARER,
    "api.read_history": BEARER,
    "api.verify_history": BEARER,
    "api.read_me": BEARER,
    "api.choose_language": BEARER,
    "api.list_tokens": BEARER,
    "api.revoke_token": BEARER,
    "api.list_sessions": BEARER,
    "api.end_session": BEARER,
    "api.list_units": BEARER,
    "api.add_unit": BEARER,
    "api.read_unit": BEARER,
    "api.rename_unit": BEARER,
    "api.close_unit": BEARER,
    "api.give_function": BEARER,
    "api.list_people": BEARER,
    "api.invite_person": BEARER,
    "api.read_person": BEARER,
    "api.add_membership": BEARER,
    "api.end_membership": BEARER,
    "api.disable_account": BEARER,
    "api.enable_account": BEARER,
    "api.make_link": BEARER,
    "api.list_jobs": BEARER,
    "api.try_job_again": BEARER,
}
