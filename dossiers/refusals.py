"""Why something is refused: one exception family, one catalogue of sentences.

A refusal carries a stable ``code`` (the key of the catalogue, of the API's problem answers and of
translations), the ``field`` it concerns, and the ``values`` that fill its sentence. The doors choose the
status from the class.
"""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Something asked was not done, and nothing was half-done. ``status``: the HTTP status of a door's
    answer.
    """

    status = 400

    def __init__(self, code: str, *, field: str | None = None, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.values = values

    def sentence(self, language: str = "vi") -> str:
        """Return the sentence for a person, in ``vi`` or ``en``: what, where, and what to do next."""
        vi, en = SENTENCES[self.code]
        return (en if language == "en" else vi).format_map(_Shown(self.values))


class _Shown(dict[str, object]):
    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__(values)

    def __missing__(self, key: str) -> str:
        return "…"


class Invalid(Refusal):
    """What was typed or sent cannot be accepted as it is."""

    status = 422


class InvalidForm(Invalid):
    """Several things to mend at once; ``problems`` keeps one refusal for each."""

    def __init__(self, problems: tuple[Refusal, ...]) -> None:
        super().__init__("form_has_errors", count=len(problems))
        self.problems = problems


class Missing(Refusal):
    """There is no such thing, or the reader may not know of it: the two are never told apart."""

    status = 404


class Forbidden(Refusal):
    """The reader may see the thing but not do this to it."""

    status = 403


class Conflict(Refusal):
    """The thing is not in the state, or not at the version, that this needs."""

    status = 409


class NeedsPerson(Conflict):
    """A rule has no verified ground to answer on; a person must find out what the sentence says is missing.

    Never replaced by a guess: an uncovered day, an unverified law, a target that nobody has set.
    """


class Unavailable(Refusal):
    """A part the deed needs does not answer now; nothing was lost, try later."""

    status = 503


SENTENCES: dict[str, tuple[str, str]] = {
    "form_has_errors": (
        "Có {count} chỗ cần xem lại.",
        "{count} things need another look.",
    ),
    "not_found": (
        "Không tìm thấy trang này, hoặc bạn không được giao xem. Kiểm tra lại mã hồ sơ, hoặc hỏi quản trị "
        "đơn vị.",
        "This page cannot be found, or it is not yours to see. Check the dossier code, or ask your "
        "administrator.",
    ),
    "action_unknown": (
        "Quy trình của hồ sơ này không có việc “{action}”. Hãy mở lại trang hồ sơ và chọn một việc ở đó.",
        "This dossier's workflow has no action “{action}”. Open the dossier again and choose one there.",
    ),
    "action_by_system": (
        "Việc này do hệ thống làm khi hết hạn, không ai tự làm được.",
        "The system does this when time runs out; nobody can do it by hand.",
    ),
    "function_missing": (
        "Việc này không thuộc phần việc của bạn trong hồ sơ này. Hãy hỏi người đang giữ hồ sơ hoặc quản "
        "trị đơn vị.",
        "This is not part of your work on this dossier. Ask whoever holds it, or your administrator.",
    ),
    "duties_conflict": (
        "Bạn đã làm một khâu khác của hồ sơ này nên không thể làm khâu này: người đề nghị không thẩm định, "
        "người thẩm định không quyết định. Hãy chuyển cho đồng nghiệp.",
        "You have already done another part of this dossier, so you cannot do this one: who proposes does "
        "not appraise, who appraises does not decide. Hand it to a colleague.",
    ),
    "changed_meanwhile": (
        "{what} đã thay đổi lúc {time}, sau khi bạn mở: {happened}. Chưa có gì được ghi. Hãy xem chỗ thay "
        "đổi rồi làm lại; lời bạn đã viết vẫn còn.",
        "{what} changed at {time}, after you had opened it: {happened}. Nothing was written. Look at "
        "the change and act again; your words are still here.",
    ),
    "wrong_state": (
        "Hồ sơ đang ở bước “{state_label}” nên chưa làm được việc này. Hãy mở lại trang hồ sơ để xem bước "
        "tiếp theo.",
        "The dossier is at “{state_label}”, where this cannot be done. Open it again to see what comes next.",
    ),
    "not_editable_now": (
        "Hồ sơ đã gửi nên không sửa được lúc này. Chỉ sửa được khi hồ sơ là nháp, được trả lại hoặc cần bổ "
        "sung.",
        "The dossier has been sent and cannot be changed now. It can be changed while it is a draft, "
        "returned, or asked to be supplemented.",
    ),
    "conditions_unmet": (
        "Còn {count} điều chưa đủ để làm việc này.",
        "{count} things are still needed for this.",
    ),
    "condition_has_nominees": (
        "Hồ sơ chưa có người, tập thể hoặc hộ nào được đề nghị. Hãy thêm ít nhất một trường hợp.",
        "The dossier has no nominee yet. Add at least one.",
    ),
    "condition_papers_complete": (
        "Hồ sơ còn thiếu {count} giấy tờ. Hãy xem danh mục còn thiếu, rồi yêu cầu bổ sung hoặc chờ đơn vị "
        "đưa lên.",
        "{count} papers are missing. Look at the list of what is missing, then ask for a supplement or "
        "wait for the unit.",
    ),
    "condition_criteria_answered": (
        "Còn {count} mục chưa trả lời. Hãy mở từng người được đề nghị và điền các mục còn trống.",
        "{count} questions are not answered. Open each nominee and fill in what is empty.",
    ),
    "condition_criteria_judged": (
        "Tiêu chuẩn chưa đạt hoặc chưa trả lời: {codes}. Hãy trả lại để sửa, hoặc kết luận không đủ điều kiện.",
        "Criteria not met or not answered: {codes}. Return for correction, or find not eligible.",
    ),
    "condition_round_open": (
        "Đợt này đã đóng lúc {closes_at}. Hồ sơ vẫn được giữ. Bạn có thể chuyển sang đợt sau.",
        "This round closed at {closes_at}. The dossier is kept. You can use the next round.",
    ),
    "condition_not_on_hold": (
        "Đang tạm dừng xét. Hãy bỏ tạm dừng khi đã có kết luận, rồi làm tiếp.",
        "Consideration is suspended. Resume it once there is a conclusion, then go on.",
    ),
    "condition_is_on_hold": (
        "Không có gì đang tạm dừng ở đây.",
        "Nothing is suspended here.",
    ),
    "condition_no_nominee_on_hold": (
        "Có {count} trường hợp đang tạm dừng. Ở từng trường hợp: xét tiếp nếu đã có kết luận, "
        "chưa có thì để lại đợt sau; các trường hợp khác đi tiếp.",
        "Suspended nominees: {count}. For each one: resume it if there is a conclusion, "
        "else leave it to a later round; the others go on.",
    ),
    "condition_resubmission_allowed": (
        "Hồ sơ đã gửi đủ số lần cho phép. Hãy đề nghị lãnh đạo nơi thẩm định cho gửi thêm một lần.",
        "The dossier has been sent as often as is allowed. Ask the head of appraisal to allow one more time.",
    ),
    "condition_all_nominees_appraised": (
        "Còn trường hợp chưa có kết luận hoặc đang ở đơn vị để sửa. Hãy kết luận từng trường hợp trước.",
        "A nominee has no verdict yet or is being mended by the unit. Give each one a verdict first.",
    ),
    "condition_some_nominee_passed": (
        "Chưa có trường hợp nào đủ điều kiện để đi tiếp.",
        "No nominee is eligible to go forward.",
    ),
    "condition_quota_set": (
        "Chưa có chỉ tiêu cho đối tượng này ({kind}). Cần văn bản phân bổ trước khi duyệt.",
        "No quota is set for this kind of nominee ({kind}). An allocation is needed before approval.",
    ),
    "condition_quota_available": (
        "Chỉ tiêu là {size}, đã dùng {used}, không đủ cho hồ sơ này. Hãy đưa bớt ra khỏi danh sách, hoặc "
        "cần văn bản tăng chỉ tiêu.",
        "The quota is {size}, {used} are used; it is not enough for this dossier. Take somebody off the "
        "list, or get the quota raised in writing.",
    ),
    "condition_supplement_time_left": (
        "Đã quá hạn bổ sung. Hồ sơ sẽ được trả lại.",
        "The time for the supplement has passed. The dossier will be returned.",
    ),
    "condition_decision_paper_attached": (
        "Chưa có quyết định đã ký. Hãy đưa lên bản quyết định đã ký trước.",
        "The signed decision is missing. Add it first.",
    ),
    "reason_missing": (
        "Hãy ghi lý do. Đơn vị cần biết vì sao để sửa cho đúng.",
        "Give the reason. The unit needs to know why, to mend the right thing.",
    ),
    "reason_code_missing": (
        "Hãy chọn lý do. Đơn vị cần biết vì sao để sửa cho đúng.",
        "Choose the reason. The unit needs to know why, to mend the right thing.",
    ),
    "reason_code_unknown": (
        "Lý do này không có trong danh sách. Hãy chọn một lý do trong danh sách.",
        "This reason is not on the list. Choose one from the list.",
    ),
    "value_missing": (
        "Hãy điền mục “{label}”.",
        "Fill in “{label}”.",
    ),
    "value_wrong_type": (
        "Giá trị không đúng loại. Hãy nhập lại bằng chữ.",
        "The value is of the wrong type. Enter it as text.",
    ),
    "text_unreadable": (
        "Có ký tự không đọc được. Hãy xóa rồi gõ lại đoạn này.",
        "There are unreadable characters. Delete the passage and type it again.",
    ),
    "text_too_long": (
        "Đoạn này dài {length} ký tự, nhiều nhất là {limit}. Hãy viết ngắn lại.",
        "This text has {length} characters; at most {limit} are taken. Shorten it.",
    ),
    "name_missing": (
        "Hãy ghi họ tên hoặc tên đầy đủ.",
        "Give the full name.",
    ),
    "field_unknown": (
        "Biểu mẫu không có mục này. Hãy mở lại trang rồi điền lại.",
        "The form has no such field. Open the page again and fill it in.",
    ),
    "day_unreadable": (
        "Không đọc được ngày “{value}”. Hãy nhập ngày có thật, ví dụ 05/09/2024.",
        "“{value}” is not a date. Enter a real date, for example 05/09/2024.",
    ),
    "day_out_of_range": (
        "Ngày này không hợp lý. Hãy xem lại năm, ví dụ 05/09/2024.",
        "This date cannot be right. Check the year, for example 05/09/2024.",
    ),
    "day_in_future": (
        "Ngày này còn ở phía trước. Hãy ghi ngày việc đã diễn ra.",
        "This date lies in the future. Enter the day on which it happened.",
    ),
    "due_day_passed": (
        "Ngày này đã qua. Hãy chọn hạn từ hôm nay trở đi.",
        "This day has passed. Choose a day from today on.",
    ),
    "due_day_too_far": (
        "Ngày này cách hơn một năm. Hãy xem lại năm.",
        "This day is more than a year away. Check the year.",
    ),
    "issued_before_approval": (
        "Ngày ban hành không thể trước ngày duyệt.",
        "The day of issue cannot be before the day of approval.",
    ),
    "count_unreadable": (
        "Không đọc được số “{value}”. Hãy nhập số nguyên, ví dụ 1.041.",
        "“{value}” is not a number. Enter a whole number, for example 1,041.",
    ),
    "count_out_of_range": (
        "Số này quá lớn hoặc nhỏ hơn 0. Hãy xem lại.",
        "This number is too large or below 0. Check it.",
    ),
    "choice_unknown": (
        "Hãy chọn một trong các mục có sẵn.",
        "Choose one of the options offered.",
    ),
    "ratio_incomplete": (
        "Cần đủ hai số: số đạt và tổng số.",
        "Two numbers are needed: those who meet it and the total.",
    ),
    "denominator_not_positive": (
        "Tổng số phải lớn hơn 0.",
        "The total must be more than 0.",
    ),
    "numerator_too_large": (
        "Số đạt không thể lớn hơn tổng số. Hãy xem lại hai số này.",
        "Those who meet it cannot be more than the total. Check both numbers.",
    ),
    "criterion_unknown": (
        "Đối tượng này không có tiêu chuẩn đó. Hãy mở lại trang rồi điền lại.",
        "This class has no such criterion. Open the page again and fill it in.",
    ),
    "class_unknown": (
        "Không có đối tượng “{value}” trong đợt này. Hãy chọn đối tượng trong danh sách.",
        "There is no nominee class “{value}” in this round. Choose one from the list.",
    ),
    "award_form_unknown": (
        "Không có hình thức khen “{value}” trong phong trào này. Hãy chọn trong danh sách.",
        "There is no award form “{value}” in this programme. Choose one from the list.",
    ),
    "award_form_not_for_kind": (
        "Hình thức khen này không dành cho đối tượng này. Hãy chọn hình thức khác trong danh sách.",
        "This award form is not for this kind of nominee. Choose another one from the list.",
    ),
    "round_unknown": (
        "Không có đợt khen thưởng “{round}”.",
        "There is no award round “{round}”.",
    ),
    "round_not_yet_open": (
        "Đợt này chưa mở. Hãy lập hồ sơ khi đợt mở.",
        "This round is not open yet. Open a dossier once it is.",
    ),
    "round_closed": (
        "Đợt này đã đóng. Hãy chọn đợt đang mở.",
        "This round has closed. Choose one that is open.",
    ),
    "unit_ambiguous": (
        "Bạn lập hồ sơ cho nhiều đơn vị. Hãy chọn đơn vị đề nghị.",
        "You compose for several units. Choose the proposing unit.",
    ),
    "withdraw_instead": (
        "Hồ sơ đã gửi nên không xóa được trường hợp này. Hãy rút khỏi hồ sơ và nêu lý do.",
        "The dossier has been sent, so a nominee cannot be removed. Withdraw it and give the reason.",
    ),
    "too_many_nominees": (
        "Một hồ sơ có nhiều nhất {limit} trường hợp. Hãy lập thêm hồ sơ.",
        "A dossier has at most {limit} nominees. Open another dossier.",
    ),
    "too_many_papers": (
        "Một hồ sơ có nhiều nhất {limit} tệp.",
        "A dossier has at most {limit} files.",
    ),
    "too_many_remarks": (
        "Nhiều nhất {limit} điều cần sửa mỗi lần.",
        "At most {limit} remarks at a time.",
    ),
    "remark_target_unknown": (
        "Không có trường hợp hoặc giấy tờ này trong hồ sơ. Hãy chọn lại chỗ cần sửa.",
        "The dossier has no such nominee or paper. Choose again what must be mended.",
    ),
    "remarks_not_taken": (
        "Việc này không kèm điều cần sửa.",
        "This action takes no remarks.",
    ),
    "nominee_unknown": (
        "Không có trường hợp này trong hồ sơ. Hãy mở lại trang.",
        "The dossier has no such nominee. Open the page again.",
    ),
    "paper_unknown": (
        "Không có giấy tờ này trong hồ sơ. Hãy đưa lên trước.",
        "The dossier has no such paper. Add it first.",
    ),
    "paper_not_decision": (
        "Hãy chọn bản quyết định đã ký, không phải giấy tờ khác.",
        "Choose the signed decision, not another paper.",
    ),
    "paper_kind_unknown": (
        "Không có loại giấy tờ này. Hãy chọn trong danh sách.",
        "There is no such kind of paper. Choose one from the list.",
    ),
    "paper_kind_differs": (
        "Bản mới phải cùng loại với giấy tờ được thay.",
        "A new version must be of the same kind as the paper it replaces.",
    ),
    "paper_not_your_turn": (
        "Chỉ nơi đang giữ hồ sơ mới đưa được giấy tờ này vào.",
        "Only the office that holds the dossier can add this paper.",
    ),
    "paper_of_another": (
        "Giấy tờ này do người khác đưa vào; chỉ người ấy thay hoặc bỏ được.",
        "Somebody else added this paper; only they can replace it or take it out.",
    ),
    "paper_withdrawn_already": (
        "Giấy tờ này đã được bỏ khỏi hồ sơ.",
        "This paper has already been taken out.",
    ),
    "file_empty": (
        "Tệp không có nội dung (0 byte). Hãy mở thử tệp trên máy rồi đưa lên lại.",
        "The file is empty (0 bytes). Open it on your computer, then add it again.",
    ),
    "file_type": (
        "Không nhận tệp loại này. Hãy đưa lên tệp PDF, Word, Excel hoặc ảnh JPG, PNG.",
        "Files of this type are not taken. Add a PDF, Word, Excel, JPG or PNG file.",
    ),
    "file_too_big": (
        "Tệp nặng quá mức cho phép ({limit} byte). Hãy chụp lại với cỡ nhỏ hơn hoặc tách thành nhiều tệp.",
        "The file is larger than allowed ({limit} bytes). Scan it smaller or split it.",
    ),
    "dossier_too_big": (
        "Hồ sơ đã đầy ({limit} byte). Hãy bỏ bớt tệp không cần.",
        "The dossier is full ({limit} bytes). Take out files that are not needed.",
    ),
    "file_damaged": (
        "Tệp lưu trữ không còn nguyên vẹn nên không mở được. Hãy báo quản trị hệ thống; bản gốc giấy vẫn "
        "có giá trị.",
        "The stored file is no longer intact and cannot be opened. Tell your administrator; the paper "
        "original still stands.",
    ),
    "file_scan_pending": (
        "Tệp đang chờ quét mã độc, chưa mở được.",
        "The file is waiting to be scanned and cannot be opened yet.",
    ),
    "file_scan_infected": (
        "Tệp này có mã độc nên đã bị khóa, không ai mở được.",
        "This file holds malware and is locked; nobody can open it.",
    ),
    "store_unavailable": (
        "Kho tệp đang không trả lời. Chưa có gì bị mất; hãy thử lại sau ít phút.",
        "The file store does not answer. Nothing was lost; try again in a few minutes.",
    ),
    "decision_number_used": (
        "Số {number} của năm {year} đã dùng cho quyết định khác. Hãy kiểm tra sổ văn bản.",
        "Number {number} of {year} is used by another decision. Check the register.",
    ),
    "decision_number_unreadable": (
        "Không đọc được số quyết định “{value}”. Ví dụ: 3412 hoặc 3412/QĐ-UBND.",
        "“{value}” is not a decision number. Example: 3412 or 3412/QĐ-UBND.",
    ),
    "regime_missing": (
        "Chưa có quy định pháp luật áp dụng cho ngày {day}. Quản trị viên cần đưa văn bản còn thiếu vào "
        "trước.",
        "No legal regime covers {day}. An administrator must add the missing text first.",
    ),
    "calendar_missing": (
        "Chưa có lịch nghỉ “{calendar}”. Quản trị viên cần đưa lịch nghỉ vào trước.",
        "There is no calendar “{calendar}”. An administrator must add it first.",
    ),
    "idempotency_key_malformed": (
        "Mã chống gửi trùng phải có từ 8 đến 200 ký tự ASCII.",
        "The idempotency key must have 8 to 200 printable ASCII characters.",
    ),
    "idempotency_key_reused": (
        "Mã chống gửi trùng này đã dùng cho một yêu cầu khác.",
        "This idempotency key was used for another request.",
    ),
    "cursor_unreadable": (
        "Không đọc được vị trí trang. Hãy mở lại danh sách từ đầu.",
        "The page position cannot be read. Open the list from its beginning.",
    ),
    "limit_out_of_range": (
        "Mỗi trang có từ 1 đến {limit} dòng.",
        "A page has 1 to {limit} rows.",
    ),
}
