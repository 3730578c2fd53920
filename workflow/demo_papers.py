"""What stands in the papers of the demo: the values for the templates of config/documents, made from the story."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from workflow.demo_story import COLLECTIVES, Case, Nominated, Story, working_day

MOVEMENT = (
    "thành tích trong phong trào “Cả nước thi đua xây dựng xã hội học tập, đẩy mạnh học tập suốt đời giai đoạn "
    "2023-2030”, năm 2024"
)
AWARDS = {
    "certificate_of_merit_district": "Giấy khen của Chủ tịch Ủy ban nhân dân huyện",
    "diploma_of_commendation_province": "Bằng khen của Chủ tịch Ủy ban nhân dân tỉnh",
}
DECIDER = "Chủ tịch Ủy ban nhân dân huyện Giang Thành"
GROUNDS = [
    "Căn cứ Luật Thi đua, khen thưởng ngày 15 tháng 6 năm 2022",
    "Căn cứ Nghị định số 98/2023/NĐ-CP ngày 31 tháng 12 năm 2023 của Chính phủ",
    "Căn cứ Quyết định số 1315/QĐ-TTg ngày 09 tháng 11 năm 2023 của Thủ tướng Chính phủ",
    "Căn cứ Kế hoạch số 157/KH-UBND ngày 16 tháng 6 năm 2024 của Ủy ban nhân dân huyện Giang Thành",
]
DISTRICT = "Ủy ban nhân dân huyện Giang Thành"
CLASSES = {
    "agency_district": "Cơ quan cấp huyện",
    "front_mass_org": "Mặt trận, đoàn thể, hội",
    "commune": "Xã",
    "hamlet": "Ấp",
    "self_managed_group": "Tổ nhân dân tự quản",
    "education_institution": "Cơ sở giáo dục",
    "enterprise": "Doanh nghiệp",
    "household": "Hộ gia đình",
    "individual_staff": "Cán bộ, công chức, viên chức",
    "individual_other": "Cá nhân khác",
    "health_unit": "Khoa, Phòng, Trạm Y tế",
    "health_staff": "Viên chức y tế",
}
PERSON = {"ong": "ông", "ba": "bà"}


def number_of(case: Case, kind: str) -> str:
    """Return the number that a paper of the dossier carries, e.g. ``41/TTr-UBND``."""
    symbols = {"submission_paper": "TTr", "minutes": "BB-HĐTĐKT"}
    if kind == "minutes":
        return f"{case.number % 9 + 1:02d}/BB-HĐTĐKT"
    return f"{case.number * 3 + 41}/{symbols[kind]}-{case.proposer.symbol}"


def recognition_of(case: Case) -> tuple[str, date, str]:
    """Return number, day and issuer of the decision that recognises everybody whom the unit nominates."""
    turn = sum(map(ord, case.proposer.code))
    return (
        f"{turn % 89 + 11}/QĐ-HKH",
        working_day(date(2024, 7, 1), turn % 40),
        "Hội Khuyến học huyện Giang Thành",
    )


def initiative_of(case: Case, position: int) -> tuple[str, date, str, str]:
    """Return number, day, issuer and name of the recognised initiative of a nominee."""
    names = (
        "Tủ sách lưu động theo xe tiêm chủng",
        "Góc học liệu mở bằng mã quét",
        "Sổ theo dõi học tập dùng chung",
        "Giờ vàng không điện thoại",
        "Ghe sách mùa nước nổi",
    )
    return (
        f"{case.number * 2 + position + 101}/QĐ-UBND",
        working_day(date(2024, 8, 1), (case.number + position) % 20),
        DISTRICT,
        names[(case.number + position) % len(names)],
    )


def achievement_of(story: Story, case: Case, position: int) -> tuple[str, ...]:
    """Return the paragraphs of a nominee's achievement."""
    one = case.nominees[position]
    dice = case.dice("achievement", position)
    report = dice.choice(story.achievements[one.class_code])
    numbers = {
        "place": case.proposer.place,
        "name": one.name,
        "a": dice.randrange(18, 46),
        "b": dice.randrange(240, 980),
        "c": f"{dice.randrange(1, 7)} {dice.randrange(100, 999)}",
        "d": dice.randrange(6, 29),
        "e": dice.randrange(110, 480),
        "f": f"{dice.randrange(5, 38)},{dice.randrange(1, 9)}",
    }
    return tuple(paragraph.format(**numbers) for paragraph in report)


def values_of(
    story: Story, case: Case, kind: str, on: date, position: int | None, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    """Return the template, the file name and the values of a paper that is dated ``on``."""
    return {
        "submission_paper": _submission_paper,
        "minutes": _minutes,
        "achievement_report": _achievement_report,
        "evidence": _recognition,
        "initiative_certificate": _initiative,
        "meeting_minutes": _meeting_minutes,
        "return_notice": _return_notice,
        "decision": _decision,
    }[kind](story, case, on, position or 0, given)


def counted(nominees: tuple[Nominated, ...]) -> str:
    """Return how many there are of each kind, as papers write it."""
    collectives = sum(one.class_code in COLLECTIVES for one in nominees)
    households = sum(one.class_code == "household" for one in nominees)
    people = len(nominees) - collectives - households
    words = ((collectives, "tập thể"), (households, "hộ gia đình"), (people, "cá nhân"))
    return ", ".join(f"{count:02d} {word}" for count, word in words if count)


def _full(one: Nominated) -> str:
    honorific = one.fields.get("honorific")
    return f"{PERSON[honorific].capitalize()} {one.name}" if honorific else one.name


WOMEN = ("Lê Hồng Gấm", "Lưu Yến Nhi", "Âu Dương Tường Vy", "Neáng Sa Sen")
"""Women of the demo whose names do not say so by “Thị”."""


def _addressed(name: str) -> str:
    """Return how minutes speak of one of the demo's people."""
    return "bà" if "Thị" in name.split() or name in WOMEN else "ông"


def _sheet(case: Case, kind: str, about: str, number: str, on: date, movement: str = "") -> dict[str, Any]:
    own_above = case.proposer.code.startswith(("ubnd-xa", "mttq", "hoi-", "huyen-doan", "cong-ty", "htx-"))
    return {
        "kind": kind,
        "about": about,
        "movement": movement,
        "number": number,
        "above": "" if own_above else DISTRICT,
        "issuer": case.proposer.name,
        "place": case.proposer.place,
        "dated_on": on,
        "signer_title": list(case.proposer.title),
        "signer": case.proposer.head,
        "receivers_named": ["Như trên"],
        "kept": "VT",
    }


def _office_sheet(kind: str, about: str, number: str, on: date, office: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "about": about,
        "movement": "",
        "number": number,
        "above": DISTRICT,
        "issuer": office,
        "place": "Giang Thành",
        "dated_on": on,
        "kept": "VT",
    }


def _submission_paper(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    number = number_of(case, "submission_paper")
    award = AWARDS[case.form]
    values = _sheet(
        case,
        "TỜ TRÌNH",
        f"Về việc đề nghị tặng {award} cho tập thể, hộ gia đình, cá nhân có thành tích xuất sắc trong phong trào xây "
        "dựng xã hội học tập năm 2024",
        number,
        on,
    )
    council, present = council_of(case)
    values |= {
        "addressees": [DECIDER, "Phòng Giáo dục và Đào tạo huyện Giang Thành"],
        "grounds": [
            *GROUNDS,
            f"Căn cứ Biên bản số {number_of(case, 'minutes')} của Hội đồng Thi đua - Khen thưởng đơn vị",
        ],
        "proposer": case.proposer.name,
        "issuer_named": case.proposer.name,
        "decider": DECIDER,
        "award": award,
        "counted": counted(case.nominees),
        "summary": [
            f"Hội đồng gồm {council:02d} thành viên, có mặt {present:02d}; các trường hợp đề nghị đều đạt trên 50 % "
            "tổng số phiếu."
        ],
        "enclosures": ["Danh sách", "Biên bản họp Hội đồng", "Báo cáo thành tích", "Minh chứng"],
        "nominees": [
            {"name": _full(one), "where": one.where, "class": CLASSES[one.class_code]}
            for one in case.nominees
        ],
    }
    return "submission_paper", f"Tờ trình {number.replace('/', '-')}.pdf", values


def council_of(case: Case) -> tuple[int, int]:
    """Return how many members the unit's council has and how many came."""
    council = (7, 9, 11)[case.number % 3]
    return council, council - case.number % 2


def _minutes(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    council, present = council_of(case)
    values = _sheet(
        case,
        "BIÊN BẢN",
        f"Họp Hội đồng Thi đua - Khen thưởng {case.proposer.name} xét khen thưởng năm 2024",
        number_of(case, "minutes"),
        on,
    )
    absent = council - present
    secretary = next(one.name for one in story.people if one.login == case.proposer.login)
    values |= {
        "place": "",
        "begins": "08 giờ 00 phút",
        "ends": "10 giờ 20 phút",
        "where": f"phòng họp {case.proposer.name}",
        "attendance": f"tổng số thành viên {council:02d}; có mặt {present:02d}; vắng {absent:02d}.",
        "chair": {
            "honorific": _addressed(case.proposer.head),
            "name": case.proposer.head,
            "position": f"{case.proposer.title[-1].capitalize()}, Chủ tịch Hội đồng",
        },
        "secretary": {
            "honorific": _addressed(secretary),
            "name": secretary,
            "position": "ủy viên thư ký",
        },
        "parts": [
            {
                "title": "Thư ký báo cáo",
                "lines": [
                    f"Đơn vị nhận {counted(case.nominees)} đề nghị; các hồ sơ đủ điều kiện đưa ra xét."
                ],
            },
            {
                "title": "Hội đồng thảo luận và bỏ phiếu kín",
                "lines": [
                    f"Số phiếu phát ra {present:02d}, thu về {present:02d}, hợp lệ {present:02d}. Tỷ lệ tính trên tổng "
                    f"số {council:02d} thành viên."
                ],
            },
        ],
        "council": council,
        "results": [
            {
                "name": _full(one),
                "agreed": present,
                "share": f"{present * 1000 // council / 10:.1f} %".replace(".", ","),
                "result": "Thông qua",
            }
            for one in case.nominees
        ],
        "conclusion": [
            f"Hội đồng thống nhất đề nghị tặng {AWARDS[case.form]} cho {counted(case.nominees)} nêu trên.",
            f"Biên bản được đọc lại, {present:02d}/{present:02d} thành viên có mặt nhất trí.",
        ],
        "receivers_named": ["Như kết luận"],
        "kept": "VT, Hồ sơ",
    }
    return "minutes", f"Biên bản {number_of(case, 'minutes').replace('/', '-')}.pdf", values


def _achievement_report(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    one = case.nominees[position]
    values = _sheet(case, "BÁO CÁO THÀNH TÍCH", f"Đề nghị tặng {AWARDS[case.form]}", "", on, MOVEMENT)
    values["above"], values["issuer"] = (
        case.proposer.name if one.class_code == "health_unit" else values["above"],
        (one.name if one.class_code == "health_unit" else values["issuer"]),
    )
    achievements = achievement_of(story, case, position)
    titles = ("Tổ chức phong trào", "Đóng góp và kết quả", "Chấp hành chủ trương, pháp luật")
    values |= {
        "parts": [
            {"title": "I. " + _about_title(one), "sections": [{"title": "", "lines": _about_lines(one)}]},
            {
                "title": "II. THÀNH TÍCH ĐẠT ĐƯỢC",
                "sections": [
                    {"title": title, "lines": [line]}
                    for title, line in zip(titles, achievements, strict=False)
                ],
            },
            {
                "title": "III. CÁC HÌNH THỨC ĐÃ ĐƯỢC KHEN THƯỞNG",
                "sections": [{"title": "", "lines": ["Trong phong trào này: chưa có."]}],
            },
        ],
        "pledge": ""
        if one.class_code in COLLECTIVES
        else "Tôi cam đoan nội dung trên là đúng sự thật và chịu trách nhiệm trước pháp luật.",
        "confirmed_by": ["XÁC NHẬN CỦA CẤP", "TRÌNH KHEN THƯỞNG"],
        "signer_title": ["THỦ TRƯỞNG ĐƠN VỊ"] if one.class_code in COLLECTIVES else ["NGƯỜI BÁO CÁO"],
        "signer": case.proposer.head
        if one.class_code in COLLECTIVES
        else one.name.removeprefix("Hộ ông ").removeprefix("Hộ bà "),
    }
    return "achievement_report", f"Báo cáo thành tích - {one.name}.pdf", values


def _about_title(one: Nominated) -> str:
    return "SƠ LƯỢC ĐẶC ĐIỂM, TÌNH HÌNH" if one.class_code in COLLECTIVES else "SƠ LƯỢC LÝ LỊCH"


def _about_lines(one: Nominated) -> list[str]:
    fields = one.fields
    if one.class_code in COLLECTIVES:
        return [
            f"Tên tập thể đề nghị: {one.name}. Địa chỉ: {fields['address']}.",
            f"Tổng số người: {int(fields['members']):02d}, trong đó nữ {int(fields['women']):02d}.",
        ]
    if one.class_code == "household":
        return [f"{one.name}, {int(fields['members']):02d} người. Địa chỉ: {fields['address']}."]
    return [
        f"Họ và tên: {one.name.upper()}. Giới tính: {'nữ' if fields['honorific'] == 'ba' else 'nam'}. "
        f"Năm sinh: {fields['birth_year']}.",
        f"Chức vụ: {fields['position']}. Đơn vị công tác hoặc nơi ở: {fields['workplace']}.",
    ]


def _recognition(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    # One decision for the whole unit, as such lists are drawn up; each of its dossiers shows the same file.
    number, dated_on, issuer = recognition_of(case)
    recognised = tuple(
        one for other in story.cases if other.proposer == case.proposer for one in other.nominees
    )
    values = _office_sheet(
        "QUYẾT ĐỊNH",
        "Về việc công nhận danh hiệu “Công dân học tập”, “Gia đình học tập”, “Đơn vị học tập” năm 2024",
        number,
        dated_on,
        issuer,
    )
    values |= {
        "above": "",
        "movement": "bản có xác nhận bổ sung của nơi cư trú" if given.get("again") else "",
        "authority": "CHỦ TỊCH HỘI KHUYẾN HỌC HUYỆN GIANG THÀNH",
        "grounds": [*GROUNDS[2:], f"Xét đề nghị của {case.proposer.name}"],
        "articles": [
            f"Công nhận danh hiệu học tập năm 2024 cho {counted(recognised)} thuộc {case.proposer.name} (có danh "
            "sách kèm theo).",
            "Các danh hiệu được ghi vào sổ theo dõi của Hội và thông báo cho nơi cư trú, nơi công tác.",
            f"{case.proposer.name} và các trường hợp có tên tại Điều 1 chịu trách nhiệm thi hành Quyết định này",
        ],
        "rows": [{"name": _full(one), "where": one.where, "what": _title_of(one)} for one in recognised],
        "signer_title": ["CHỦ TỊCH"],
        "signer": "Đặng Văn Sáu",
        "receivers_named": ["Như Điều 3", "Phòng Giáo dục và Đào tạo huyện"],
    }
    name = f"Danh sách công nhận {number.replace('/', '-')}.pdf"
    return "recognition", name, values


def _title_of(one: Nominated) -> str:
    if one.class_code == "household":
        return "Gia đình học tập"
    if one.class_code in ("commune", "hamlet", "self_managed_group"):
        return "Cộng đồng học tập"
    return "Đơn vị học tập" if one.class_code in COLLECTIVES else "Công dân học tập"


def _initiative(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    number, dated_on, issuer, name = initiative_of(case, position)
    one = case.nominees[position]
    values = _office_sheet("QUYẾT ĐỊNH", "Về việc công nhận sáng kiến năm 2024", number, dated_on, issuer)
    values |= {
        "above": "",
        "authority": "CHỦ TỊCH ỦY BAN NHÂN DÂN HUYỆN GIANG THÀNH",
        "grounds": [GROUNDS[0], "Xét đề nghị của Hội đồng sáng kiến cơ sở"],
        "articles": [
            f"Công nhận sáng kiến “{name}” của {_full(one)}, {one.where}.",
            "Sáng kiến có tác dụng trong phạm vi đơn vị và được nhân rộng trong huyện.",
            f"{case.proposer.name} và người có tên tại Điều 1 chịu trách nhiệm thi hành Quyết định này",
        ],
        "rows": [],
        "signer_title": ["CHỦ TỊCH"],
        "signer": "Trịnh Hoài An",
        "receivers_named": ["Như Điều 3"],
    }
    return "recognition", f"Chứng nhận sáng kiến {number.replace('/', '-')}.pdf", values


def _meeting_minutes(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    number = f"{case.number + 12}/BB-PGDĐT"
    values = _office_sheet(
        "BIÊN BẢN",
        f"Họp các ngành liên quan xét hồ sơ của {case.proposer.name}",
        number,
        on,
        "Phòng Giáo dục và Đào tạo",
    )
    values |= {
        "place": "",
        "begins": "14 giờ 00 phút",
        "ends": "15 giờ 45 phút",
        "where": "phòng họp Phòng Giáo dục và Đào tạo huyện",
        "attendance": story.reasons["participants"] + ".",
        "chair": {
            "honorific": "ông",
            "name": "Huỳnh Văn Khải",
            "position": "Trưởng phòng Giáo dục và Đào tạo",
        },
        "secretary": {"honorific": "bà", "name": "Thạch Ngọc Diễm", "position": "chuyên viên"},
        "parts": [
            {
                "title": "Báo cáo thẩm định",
                "lines": [f"Hồ sơ có {counted(case.nominees)}; đã đối chiếu từng tiêu chuẩn với minh chứng."],
            },
            {"title": "Ý kiến các ngành", "lines": ["Các ngành thống nhất với kết quả thẩm định."]},
        ],
        "council": None,
        "results": [
            {"name": _full(one), "result": "Không đủ điều kiện" if one.weak else "Đủ điều kiện"}
            for one in case.nominees
        ],
        "conclusion": [story.reasons["after_meeting"]],
        "receivers_named": ["Phòng Nội vụ"],
        "kept": "VT, Hồ sơ",
    }
    return "minutes", f"Biên bản họp xét {number.replace('/', '-')}.pdf", values


def _return_notice(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    number = f"{case.number + 96}/TB-PGDĐT"
    values = _office_sheet(
        "THÔNG BÁO",
        f"Về việc trả hồ sơ đề nghị khen thưởng của {case.proposer.name}",
        number,
        on,
        "Phòng Giáo dục và Đào tạo",
    )
    values |= {
        "lines": [
            f"Phòng Giáo dục và Đào tạo đã nhận đủ hồ sơ của {case.proposer.name} đề nghị tặng {AWARDS[case.form]} "
            "trong phong trào xây dựng xã hội học tập năm 2024.",
            str(given.get("reason", "")),
            "Hồ sơ đã nộp được lưu nguyên trạng, không bị xóa. Mọi việc cần trao đổi, xin liên hệ chuyên viên Thạch "
            "Ngọc Diễm.",
            f"Phòng Giáo dục và Đào tạo thông báo để {case.proposer.name} biết, thực hiện",
        ],
        "signer_title": ["TRƯỞNG PHÒNG"],
        "signer": "Huỳnh Văn Khải",
        "receivers_named": [case.proposer.name, "Phòng Nội vụ huyện"],
    }
    return "notice", f"Thông báo trả hồ sơ {number.replace('/', '-')}.pdf", values


def _decision(
    story: Story, case: Case, on: date, position: int, given: Mapping[str, Any]
) -> tuple[str, str, dict[str, Any]]:
    number = f"{case.number + 2871}/QĐ-UBND"
    values = _office_sheet(
        "QUYẾT ĐỊNH",
        "Về việc tặng Giấy khen cho tập thể, cá nhân có thành tích xuất sắc trong phong trào xây dựng xã hội học tập "
        "năm 2024",
        number,
        on,
        DISTRICT,
    )
    awarded = tuple(one for one in case.nominees if not one.weak)
    deputy = case.number % 3 == 1
    values |= {
        "above": "",
        "authority": "CHỦ TỊCH ỦY BAN NHÂN DÂN HUYỆN GIANG THÀNH",
        "grounds": [*GROUNDS, "Xét đề nghị của Trưởng phòng Nội vụ huyện"],
        "articles": [
            f"Tặng {AWARDS[case.form]} cho {counted(awarded)} (có danh sách kèm theo).",
            "Mức tiền thưởng thực hiện theo Nghị định số 98/2023/NĐ-CP, trích từ quỹ thi đua, khen thưởng của huyện.",
            "Quyết định này có hiệu lực kể từ ngày ký.",
            f"Chánh Văn phòng, Trưởng phòng Nội vụ, {case.proposer.name} và các trường hợp có tên tại Điều 1 chịu "
            "trách nhiệm thi hành Quyết định này",
        ],
        "rows": [{"name": _full(one), "where": one.where, "what": "Giấy khen"} for one in awarded],
        "signer_title": ["KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"] if deputy else ["CHỦ TỊCH"],
        "signer": "Đoàn Minh Lộc" if deputy else "Trịnh Hoài An",
        "receivers_named": ["Như Điều 4", "Phòng Giáo dục và Đào tạo"],
    }
    return "decision", f"Quyết định {number.replace('/', '-')}.pdf", values
