"""What requests carry: every member, its type and its bounds. Nothing else is let in (promise T09)."""

from __future__ import annotations

from dossiers.attachment import PAPER_KINDS
from dossiers.functions import FUNCTIONS
from dossiers.org_unit import ADMIN_LEVELS
from web.api.fields import (
    LARGEST_VERSION,
    Body,
    Day,
    Flag,
    Named,
    Part,
    RefText,
    Several,
    Text,
    Whole,
)
from workflow.decide import REMARK_TARGETS
from workflow.inbox import PAGE_AT_MOST

LONGEST = 50_000
"""Characters of the longest text a form takes; each field has its own bound, which commands ask for."""

SEEN = "The {of} version that the client saw; may come as `If-Match` instead."


def _seen(of: str = "dossier's", *, as_text: bool = False) -> Whole:
    example = None if as_text else 7
    return Whole(1, LARGEST_VERSION, as_text=as_text, describe=SEEN.format(of=of), example=example)


class PageQuery(Body):
    """Which page of a list."""

    after = Text(400, least=1, describe="The cursor of the page before (`next`).")
    limit = Whole(1, PAGE_AT_MOST, as_text=True, load_default=25, describe="Rows on a page.")


class SearchQuery(PageQuery):
    """Which page of what a search finds."""

    search = Text(200, describe="Every word must be found; marks may be left out.", example="tran thi")


class DossiersQuery(SearchQuery):
    """Which dossiers."""

    round = Text(60, least=1, describe="The code of an award round.", example="GT-2024")
    state = Text(60, least=1, describe="The key of a state.", example="draft")


class WaitingQuery(SearchQuery):
    """Which of what waits."""

    function = Text(30, one_of=FUNCTIONS, describe="Only what waits for this function of mine.")
    state = Text(60, least=1, describe="The key of a state.")
    overdue = Flag(as_text=True, load_default=False, describe="Only what is overdue.")


class HistoryQuery(Body):
    """From where a history is read."""

    after = Text(20, least=1, describe="The cursor of the page before (`next`).")


class SeenQuery(Body):
    """Which version was seen, for deletions."""

    seen_version = _seen(as_text=True)


class NewDossier(Body):
    """A draft to be opened."""

    round_code = Text(60, least=1, required=True, describe="An open award round.", example="GT-2024")
    unit_ref = Text(36, allow_none=True, describe="The proposing unit; needed by who composes for several.")
    title = Text(
        300, load_default="", describe="What the dossier is called.", example="Đề nghị khen thưởng năm 2024"
    )


def _values(describe: str) -> Named:
    return Named(Text(LONGEST, lines=True), describe=describe)


class DossierFields(Body):
    """Fields of the dossier's form; those left out stay as they are, an empty text clears one."""

    seen_version = _seen()
    fields = Named(  # type: ignore[assignment]  # marshmallow moves declared fields away from this name
        Text(LONGEST, lines=True),
        required=True,
        describe="Values by field key, as the dossier's `fields` name them.",
        example={"submission_paper_no": "1612/TTr-TTYT", "submission_paper_on": "2024-11-04"},
    )


class NewNominee(Body):
    """A nominee to be added."""

    seen_version = _seen()
    class_code = Text(60, least=1, required=True, describe="A class of the dossier's `classes`.")
    name = Text(200, least=1, required=True, describe="The full name.", example="Nguyễn Thị Hạnh")
    award_form = Text(
        60, allow_none=True, load_default=None, describe="A form of the dossier's `award_forms`."
    )
    fields = _values("Values by field key.")  # type: ignore[assignment]  # as above


class AnswerBody(Body):
    """What the unit says to one criterion. It replaces what was said before."""

    attested = Flag(allow_none=True, describe="The unit attests that it is met.")
    not_applicable = Flag(load_default=False, describe="The criterion does not apply.")
    numerator = Whole(0, 10**12, allow_none=True, describe="Of a ratio: those who meet it.")
    denominator = Whole(1, 10**12, allow_none=True, describe="Of a ratio: the total.")
    document_no = Text(100, allow_none=True, describe="Number of the document.", example="60/QĐ-HKH")
    document_on = Day(allow_none=True, describe="Day of the document.", example="2024-10-02")
    document_issuer = Text(300, allow_none=True, describe="Who issued it.")
    note = Text(4_000, lines=True, allow_none=True, describe="Anything else.")


class NomineeChange(Body):
    """What changes in a nominee; what is left out stays."""

    seen_version = _seen()
    name = Text(200, least=1, describe="The full name.")
    award_form = Text(60, least=1, describe="A form of the dossier's `award_forms`.")
    fields = _values("Values by field key.")  # type: ignore[assignment]  # as above
    answers = Named(Part(AnswerBody), describe="Answers by criterion code.")


class RemarkBody(Body):
    """Something to be mended."""

    target_kind = Text(20, one_of=REMARK_TARGETS, required=True, describe="What it is about.")
    target_ref = Text(
        120,
        allow_none=True,
        load_default=None,
        describe="Which one: a nominee's or a paper's ref, the kind of a paper that is missing, the key of a field, "
        "a nominee's ref with a criterion's code behind a slash; nothing for the whole dossier.",
        example="0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10/GT-C-7",
    )
    reason_code = Text(60, least=1, required=True, describe="One of the dossier's `reason_codes`.")
    body = Text(4_000, least=1, lines=True, required=True, describe="What to mend.")


class Deed(Body):
    """An action to be done; which of the members it needs, the dossier's `actions` say."""

    seen_version = _seen()
    reason = Text(4_000, lines=True, allow_none=True, describe="Why.")
    reason_code = Text(60, allow_none=True, describe="One of the action's `reason_codes`.")
    fields = _values("Values of the action's `fields` by key.")  # type: ignore[assignment]  # as above
    remarks = Several(Part(RemarkBody), 200, describe="What is to be mended, where the action takes remarks.")


class NewPaper(Body):
    """The parts of an upload beside the file."""

    seen_version = _seen(as_text=True)
    kind = Text(40, one_of=PAPER_KINDS, required=True, describe="The kind of paper.")
    nominee_ref = Several(RefText(), 200, describe="Whom it serves; may be repeated.")
    criterion = Text(60, least=1, describe="The criterion it proves.")
    replaces = RefText(describe="The paper of which this is the next version.")


class LanguageBody(Body):
    """The language of sentences and labels."""

    language = Text(2, one_of=("vi", "en"), required=True, describe="vi or en.")


def _from() -> Day:
    return Day(required=True, describe="The first day.", example="2025-07-01")


class NewUnit(Body):
    """A unit to be added."""

    code = Text(
        60,
        least=2,
        required=True,
        describe="Plain letters, digits, hyphens.",
        example="truong-thcs-tan-giang",
    )
    kind = Text(40, least=1, required=True, describe="What kind of body it is.", example="school")
    admin_level = Text(20, one_of=ADMIN_LEVELS, required=True, describe="Its level.")
    name = Text(200, least=1, required=True, describe="Its full name.", example="Trường THCS Tân Giang")
    place_name = Text(
        200, least=1, required=True, describe="The place put before dates.", example="Tân Giang"
    )
    from_on = _from()
    parent_ref = Text(60, allow_none=True, load_default=None, describe="The unit above it (ref or code).")
    body_ref = Text(
        60, allow_none=True, load_default=None, describe="The committee whose rounds it proposes to."
    )


class UnitName(Body):
    """A new name from a day on."""

    seen_version = _seen("unit's")
    from_on = _from()
    name = Text(200, least=1, required=True, describe="Its full name from then on.")
    place_name = Text(200, least=1, describe="The place put before dates.")
    parent_ref = Text(60, allow_none=True, load_default=None, describe="The unit above it from then on.")
    body_ref = Text(
        60, allow_none=True, load_default=None, describe="The committee it proposes to from then on."
    )


class UnitEnd(Body):
    """The day from which a unit is closed."""

    seen_version = _seen("unit's")
    on = Day(required=True, describe="The first day on which it is no more.")


class FunctionBody(Body):
    """Who performs a function for a body from a day on."""

    seen_version = _seen("body's")
    function = Text(30, one_of=FUNCTIONS, required=True, describe="The function.")
    unit_ref = Text(60, least=1, required=True, describe="Who performs it (ref or code).")
    from_on = _from()


class _Place(Body):
    """A function of a person in a unit."""

    unit_ref = Text(60, least=1, required=True, describe="The unit (ref or code).")
    function = Text(30, one_of=FUNCTIONS, required=True, describe="The function.")
    position_title = Text(200, least=1, required=True, describe="The position.", example="Chuyên viên")
    from_on = _from()
    to_on = Day(allow_none=True, load_default=None, describe="The first day on which it has ended.")


class NewMembership(_Place):
    """A function of a person in a unit."""

    seen_version = _seen("person's")


class NewPerson(_Place):
    """A person to be invited, with a first membership."""

    full_name = Text(200, least=1, required=True, describe="The full name.", example="Trần Thị Mộng Nghi")
    login = Text(60, least=3, required=True, describe="The login.", example="nghi.tran")
    email = Text(200, allow_none=True, load_default=None, describe="Where to write to.")


class MembershipEnd(Body):
    """The day a membership ends."""

    seen_version = _seen("person's")
    on = Day(required=True, describe="The first day on which it has ended.")


class JobAgain(Body):
    """What is to be tried again."""

    key = Text(200, least=1, required=True, describe="The job's `key`.")


class Disabling(Body):
    """Nothing is needed to disable an account."""

    seen_version = Whole(1, LARGEST_VERSION, describe="Taken and not looked at.", example=7)


class Seen(Body):
    """Which version was seen, for changes that need nothing else."""

    seen_version = _seen("person's")
