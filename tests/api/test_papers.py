"""Papers by program: in by multipart, out as they came under their own names, verified, or not at all."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from storage.blob import Blob
from storage.files import FileDamaged
from tests.api.conftest import Site
from tests.builders import a_pdf


def put(site: Site, **options: Any) -> Any:
    draft = site.draft()
    answer = site.program("suong").upload(draft.ref, seen_version=draft.version, **options)
    assert answer.status_code == 201, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Giấy khen Đặng Ửng.pdf", "Giấy khen Đặng Ửng.pdf"),
        ("Gia\u0302\u0301y.pdf", "Giấy.pdf"),  # the same letters as two code points each
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("\u202efdp.exe.pdf", "fdp.exe.pdf"),
        ("CON", "tep CON"),
    ],
)
def test_a_file_comes_back_as_it_went_in(site: Site, sent: str, kept: str) -> None:
    body = a_pdf("biên bản")
    paper = put(site, name=sent, body=body)
    assert paper["name"] == kept
    got = site.program("suong").get(f"/files/{paper['version_ref']}")
    assert got.status_code == 200
    assert got.data == body
    assert got.headers["ETag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert int(got.headers["Content-Length"]) == len(body)
    assert got.mimetype == "application/pdf"
    named = got.headers["Content-Disposition"]
    assert named.startswith("attachment; filename=")
    assert named.isascii()
    assert unquote(named.split("filename*=UTF-8''")[1]) == kept
    assert "sandbox" in got.headers["Content-Security-Policy"]


def test_a_client_that_has_the_bytes_gets_none(site: Site) -> None:
    paper = put(site)
    program = site.program("suong")
    path = f"/files/{paper['version_ref']}"
    same = program.get(path, headers={"If-None-Match": f'"{paper["sha256"]}"'})
    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == f'"{paper["sha256"]}"'
    assert program.get(path, headers={"If-None-Match": '"other"'}).data == a_pdf("evidence")
    assert program.get(path, headers={"Accept": "text/html"}).status_code == 406
    assert program.send("HEAD", path, buffered=True).data == b""
    stranger = site.program("tuyen").get(path, headers={"If-None-Match": f'"{paper["sha256"]}"'})
    assert stranger.status_code == 404


@pytest.mark.parametrize("damage", ["flip", "cut", "lose"])
def test_a_damaged_file_is_never_given_out_as_good(site: Site, tmp_path: Path, damage: str) -> None:
    paper = put(site, body=a_pdf("x" * 5_000))
    with site.world.database.reading() as tx:
        key = tx.session.scalar(select(Blob.key).where(Blob.sha256 == paper["sha256"]))
    kept = tmp_path / "files" / str(key)
    whole = kept.read_bytes()
    if damage == "lose":
        kept.unlink()
    else:
        kept.chmod(0o600)
        kept.write_bytes(whole[:-1] if damage == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    program, path = site.program("suong"), f"/files/{paper['version_ref']}"
    if damage == "flip":
        # Its length is right, so that only reading it tells; the transfer breaks off and never ends cleanly.
        with pytest.raises(FileDamaged):
            program.get(path, buffered=True)
        return
    got = program.get(path)
    assert (got.status_code, got.json["code"]) == (409, "file_damaged")


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"body": b""}, 422, "file_empty"),
        ({"body": b"MZ\x90\x00" + b"\x00" * 100}, 422, "file_type"),
        ({"body": b"<html><script>1</script></html>"}, 422, "file_type"),
        ({"body": b"%PDF-1.7\n" + b"x" * (1024 * 1024)}, 422, "file_too_big"),
        ({"body": b"%PDF-1.7\n" + b"x" * (3 * 1024 * 1024)}, 413, "too_large"),
        ({"kind": "no_such_kind"}, 422, "choice_unknown"),
        ({"kind": "decision"}, 403, "paper_not_your_turn"),
        ({"name": ""}, 422, "file_missing"),
        ({"owner_id": "1"}, 422, "field_unknown"),
        ({"replaces": "not-a-ref"}, 422, "type_wrong"),
        ({"replaces": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"}, 404, "not_found"),
        ({"nominee_ref": "0190d3c2-7a4e-7d1b-9c0a-3f1f5f6f7a10"}, 422, "nominee_unknown"),
    ],
)
def test_a_wrong_upload_leaves_nothing(
    shared_site: Site, options: dict[str, Any], status: int, code: str
) -> None:
    draft = shared_site.draft()
    answer = shared_site.program("suong").upload(draft.ref, seen_version=draft.version, **options)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert shared_site.program("suong").get(f"/dossiers/{draft.ref}").json["papers"] == []


def test_parts_given_twice_and_other_bodies_are_refused(shared_site: Site) -> None:
    draft, program = shared_site.draft(), shared_site.program("suong")
    path = f"/dossiers/{draft.ref}/papers"
    one = (io.BytesIO(a_pdf()), "a.pdf")
    two = (io.BytesIO(a_pdf()), "b.pdf")
    seen = {"seen_version": draft.version, "kind": "evidence"}
    twice = program.send("POST", path, data={**seen, "file": [one, two]}, content_type="multipart/form-data")
    assert (twice.status_code, twice.json["code"]) == (400, "parameter_repeated")
    kinds = {**seen, "kind": ["evidence", "minutes"], "file": (io.BytesIO(a_pdf()), "a.pdf")}
    again = program.send("POST", path, data=kinds, content_type="multipart/form-data")
    assert (again.status_code, again.json["code"]) == (400, "parameter_repeated")
    assert program.post(path, {"kind": "evidence"}).status_code == 415
    assert program.send("POST", path, data=b"--x", content_type="multipart/form-data").status_code in (
        400,
        422,
    )


def test_a_paper_gets_versions_serves_nominees_and_is_withdrawn(both_sites: Site) -> None:
    draft, program = both_sites.draft(nominees=2), both_sites.program("suong")
    first = program.upload(
        draft.ref, seen_version=draft.version, nominee_ref=draft.nominees, criterion="GT-A-5", body=a_pdf("1")
    ).json
    second = program.upload(
        draft.ref, seen_version=first["version"], replaces=first["ref"], body=a_pdf("2")
    ).json
    assert (second["ref"], second["n"]) == (first["ref"], 2)
    (paper,) = program.get(f"/dossiers/{draft.ref}").json["papers"]
    assert {one["ref"] for one in paper["nominees"]} == set(draft.nominees)
    assert [one["n"] for one in paper["versions"]] == [2, 1]
    gone = program.delete(f"/papers/{first['ref']}?seen_version={second['version']}")
    assert gone.status_code == 200, gone.text
    assert program.get(f"/dossiers/{draft.ref}").json["papers"] == []
    assert program.get(f"/files/{first['version_ref']}").data == a_pdf("1")
