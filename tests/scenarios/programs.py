"""The people of a scenario at work by program: bearer tokens and JSON on ``/api/v1``, and nothing else.

Every deed is one request of the person who does it, and names the version that was read last: the ``ETag`` of the
answer before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from werkzeug.test import TestResponse

from dossiers.criteria import Answer
from tests.api.conftest import Program, Site
from tests.builders import a_pdf, award_form_code


@dataclass(frozen=True, slots=True)
class Refused:
    """What a program is told when it may not: the status, the code that never changes, the sentence."""

    status: int
    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Programs:
    """Everybody's program, in everybody's own language."""

    site: Site
    _tags: dict[str, str] = field(default_factory=dict)

    def of(self, who: str) -> Program:
        return self.site.program(who, language=None)

    def see(self, who: str, dossier: str) -> Any:
        """Return the dossier as that person sees it."""
        return self._good(dossier, self.of(who).get(f"/dossiers/{dossier}"))

    def open(self, who: str, round_code: str, title: str, **fields: str) -> str:
        """Open a draft and fill in its form; return its ref."""
        opened = self.of(who).post("/dossiers", {"round_code": round_code, "title": title})
        ref: str = _good(opened, 201)["ref"]
        seen = {"If-Match": opened.headers["ETag"]}
        self._good(ref, self.of(who).patch(f"/dossiers/{ref}", {"fields": fields}, headers=seen))
        return ref

    def nominate(
        self,
        who: str,
        dossier: str,
        *,
        class_code: str,
        name: str,
        form: str | None = None,
        fields: Mapping[str, str],
        answers: Mapping[str, Answer],
    ) -> str:
        """Add a nominee and fill in its form; return its ref."""
        body = {"class_code": class_code, "name": name, "award_form": form or award_form_code()}
        added = self.of(who).post(f"/dossiers/{dossier}/nominees", body, headers=self._seen(dossier))
        ref: str = self._good(dossier, added, 201)["ref"]
        self.answer(who, dossier, ref, answers, **fields)
        return ref

    def answer(
        self, who: str, dossier: str, nominee: str, answers: Mapping[str, Answer], **fields: str
    ) -> None:
        """Answer criteria of a nominee, and fill in more of its form."""
        body = {"answers": {code: _as_json(said) for code, said in answers.items()}, "fields": fields}
        self._good(dossier, self.of(who).patch(f"/nominees/{nominee}", body, headers=self._seen(dossier)))

    def give(
        self, who: str, dossier: str, kind: str, *, name: str = "giấy tờ.pdf", text: str = "", **form: Any
    ) -> str:
        """Add a paper, or the next version of the one that ``replaces`` names; return the paper's ref."""
        body = a_pdf(text or kind)
        answer = self.of(who).upload(
            dossier, kind=kind, name=name, body=body, headers=self._seen(dossier), **form
        )
        given = self._good(dossier, answer, 201)
        assert given["sha256"] == hashlib.sha256(body).hexdigest()
        ref: str = given["ref"]
        return ref

    def act(self, who: str, dossier: str, action: str, *, nominee: str | None = None, **body: Any) -> Any:
        """Let somebody act on the dossier, or on one of its nominees; return what it led to."""
        return self._good(dossier, self._act(who, dossier, action, nominee, body))

    def refused(
        self, who: str, dossier: str, action: str, *, nominee: str | None = None, **body: Any
    ) -> Refused:
        """Let somebody try to act; return how it was refused. The dossier is as it was."""
        before = self.see(who, dossier)
        answer = self._act(who, dossier, action, nominee, body)
        assert answer.mimetype == "application/problem+json", answer.text
        assert self.see(who, dossier) == before
        return Refused(answer.status_code, answer.json["code"], answer.json["detail"])

    def version(self, who: str, dossier: str, n: int) -> Any:
        """Return a frozen version; each of its papers is downloaded and held against the hash it names."""
        frozen = _good(self.of(who).get(f"/dossiers/{dossier}/versions/{n}"))
        for paper in frozen["papers"]:
            got = self.of(who).get(f"/files/{paper['version_ref']}")
            assert got.status_code == 200, got.text
            assert hashlib.sha256(got.data).hexdigest() == paper["sha256"]
        return frozen

    def _act(
        self, who: str, dossier: str, action: str, nominee: str | None, body: Mapping[str, Any]
    ) -> TestResponse:
        on = f"/dossiers/{dossier}" if nominee is None else f"/dossiers/{dossier}/nominees/{nominee}"
        return self.of(who).post(f"{on}/actions/{action}", dict(body), headers=self._seen(dossier))

    def _seen(self, dossier: str) -> dict[str, str]:
        return {"If-Match": self._tags[dossier]}

    def _good(self, dossier: str, answer: TestResponse, status: int = 200) -> Any:
        """Return the body of a good answer, and remember the version that it tells."""
        body = _good(answer, status)
        self._tags[dossier] = answer.headers["ETag"]
        return body


def _good(answer: TestResponse, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json


def _as_json(answer: Answer) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in asdict(answer).items()
        if value is not None
    }
