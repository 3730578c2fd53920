"""Which papers the checklist still asks for, of the dossier that the reader sees: live, or as it was last sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from workflow.classes import programme_of
from workflow.facts import ENDED, EVIDENCE_KINDS, must_show_document
from workflow.view.nominees import NomineeView
from workflow.view.reader import Sight
from workflow.words import PAPERS, said


def missing_papers_of(sight: Sight, nominees: Sequence[NomineeView]) -> tuple[str, ...]:
    """Return what is missing in words: kinds of papers, then evidence of the nominees shown."""
    if sight.state.final:
        return ()
    names = {nominee.ref: nominee.name for nominee in nominees}
    gaps = sight.facts.missing_papers if sight.manifest is None else _gaps(sight, sight.manifest, nominees)
    labels = []
    for gap in gaps:
        ref, _, code = gap.partition(":")
        if not code:
            labels.append(said(PAPERS[gap], sight.language))
        elif ref in names:
            word = "evidence for" if sight.language == "en" else "minh chứng cho"
            labels.append(f"{names[ref]}: {word} {code}")
    return tuple(labels)


def _gaps(sight: Sight, manifest: Mapping[str, Any], nominees: Sequence[NomineeView]) -> Iterator[str]:
    """Yield what the version of ``manifest`` lacked, as `workflow.facts.DossierFacts.missing_papers` names it."""
    kinds = {paper["kind"] for paper in manifest["papers"]}
    yield from (kind for kind in programme_of(sight.tx, sight.row.programme_id).papers if kind not in kinds)
    shown: dict[str, set[str | None]] = {}
    for paper in manifest["papers"]:
        if paper["kind"] in EVIDENCE_KINDS:
            for ref, code in paper["serves"]:
                shown.setdefault(ref, set()).add(code)
    for nominee in nominees:
        if nominee.state in ENDED:
            continue
        served = shown.get(nominee.ref, set())
        for one in nominee.answers:
            set_aside = one.applies is False or (
                one.applies is None and one.answer is not None and one.answer.not_applicable
            )
            unserved = None not in served and one.code not in served
            if unserved and not set_aside and must_show_document(one.proofs, one.proof_join):
                yield f"{nominee.ref}:{one.code}"
