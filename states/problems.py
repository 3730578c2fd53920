"""Everything that can be wrong with an edition, in both languages, under stable codes."""

from __future__ import annotations

from dataclasses import dataclass

# code → (Vietnamese, English). The words in braces are filled from the complaint.
SENTENCES: dict[str, tuple[str, str]] = {
    # the file
    "too_large": ("Tệp lớn hơn {limit} byte.", "The file is larger than {limit} bytes."),
    "not_utf8": ("Tệp không phải là văn bản UTF-8.", "The file is not UTF-8 text."),
    "syntax": ("YAML sai cú pháp: {detail}.", "YAML syntax: {detail}."),
    "empty": ("Tệp không có nội dung.", "The file is empty."),
    "several_documents": (
        "Tệp chứa nhiều hơn một tài liệu YAML.",
        "The file holds more than one YAML document.",
    ),
    "too_deep": ("Lồng sâu hơn {limit} tầng.", "Nested deeper than {limit} levels."),
    "too_many_values": ("Tệp có hơn {limit} giá trị.", "The file holds more than {limit} values."),
    "tag": ("Không được dùng thẻ YAML {name}.", "The YAML tag {name} is not allowed."),
    "alias": ("Không được dùng neo hoặc bí danh YAML.", "YAML anchors and aliases are not allowed."),
    "duplicate_key": ("Khóa {name} xuất hiện hai lần.", "The key {name} appears twice."),
    "key_not_text": ("Khóa phải là chữ.", "A key must be text."),
    "not_nfc": ("Chữ không ở dạng Unicode NFC.", "The text is not in Unicode form NFC."),
    "control_character": ("Chữ chứa ký tự điều khiển.", "The text contains a control character."),
    # the form
    "unknown_key": ("Không có mục nào tên là {name} ở đây.", "There is no entry called {name} here."),
    "missing": ("Thiếu mục này.", "This entry is missing."),
    "wrong_type": ("Ở đây cần {wanted_vi}.", "This must be {wanted}."),
    "too_long": ("Dài hơn {limit} ký tự.", "Longer than {limit} characters."),
    "bad_key": (
        "Tên {name} chỉ được gồm chữ thường a–z, chữ số và dấu gạch dưới, bắt đầu bằng chữ.",
        "The name {name} may only hold a–z, digits and underscores, and begins with a letter.",
    ),
    "bad_code": (
        "Mã {name} chỉ được gồm chữ thường a–z, chữ số và dấu gạch nối, bắt đầu bằng chữ.",
        "The code {name} may only hold a–z, digits and hyphens, and begins with a letter.",
    ),
    "missing_label": ("Thiếu nhãn tiếng {language_vi}.", "The {language} label is missing."),
    "out_of_range": ("Số phải từ {low} đến {high}.", "The number must be from {low} to {high}."),
    "duplicate_item": ("{name} được ghi hai lần.", "{name} is listed twice."),
    "too_many": ("Nhiều hơn {limit} mục.", "More than {limit} entries."),
    "unknown_word": ("{name} không phải là {what_vi} đã biết.", "{name} is not a known {what}."),
    "bad_clock": (
        "Thao tác đồng hồ phải có dạng “start:tên-thời-hạn” (start, pause, resume, end).",
        "A clock operation is written “start:<limit>” (start, pause, resume, end).",
    ),
    "one_of_two": ("Cần đúng một trong hai mục {names}.", "Exactly one of {names} is needed."),
    "choice_without_choices": ("Trường lựa chọn chưa có lựa chọn nào.", "The choice field has no choices."),
    "choices_without_choice": (
        "Chỉ trường lựa chọn mới có các lựa chọn.",
        "Only a choice field has choices.",
    ),
    "not_here": ("Mục này không dùng được cho {subject}.", "This entry has no meaning for the {subject}."),
    # the graph
    "unknown_state": ("Không có trạng thái {name}.", "There is no state {name}."),
    "unknown_action": ("Không có hành động {name}.", "There is no action {name}."),
    "unknown_limit": ("Không có thời hạn {name}.", "There is no limit {name}."),
    "unknown_route_step": ("Không có bước {name} trên đường đi.", "There is no route step {name}."),
    "unknown_reason_code": ("Không có mã lý do {name}.", "There is no reason code {name}."),
    "unreachable": (
        "Không hành động nào dẫn từ trạng thái đầu đến đây.",
        "No action leads here from the initial state.",
    ),
    "dead_end": (
        "Trạng thái chưa kết thúc mà không có lối ra.",
        "The state is not final, yet nothing leads out of it.",
    ),
    "cycle_without_exit": (
        "Vòng lặp không có lối đến trạng thái kết thúc: {names}.",
        "A cycle from which no final state can be reached: {names}.",
    ),
    "nobody_may": (
        "Không ai được làm việc này từ trạng thái {state}.",
        "Nobody may do this from the state {state}.",
    ),
    "never_by_system": (
        "Không thời hạn nào gọi việc tự động này.",
        "No limit calls this action of the system.",
    ),
    "never_driven": (
        "Không hành động nào của hồ sơ gọi việc này.",
        "No action of the dossier calls this action.",
    ),
    "performers_not_allowed": (
        "Việc này không do người trực tiếp làm nên không được ghi chức năng.",
        "Nobody performs this directly, so it names no functions.",
    ),
    "acting_missing": (
        "Trạng thái chưa kết thúc phải ghi đến lượt chức năng nào.",
        "A state that is not final must name the function whose turn it is.",
    ),
    "acting_not_allowed": (
        "Trạng thái kết thúc không đến lượt ai.",
        "A final state is nobody's turn.",
    ),
    "acting_cannot_act": (
        "Đến lượt {function}, nhưng chức năng này không làm được việc gì để đi tiếp.",
        "It is the turn of {function}, who can do nothing that leads on.",
    ),
    "final_with_exit": (
        "Trạng thái kết thúc {state} không được có lối ra.",
        "The final state {state} must have no way out.",
    ),
    "from_final_unused": (
        "Không xuất phát từ trạng thái kết thúc nào.",
        "It does not lead from any final state.",
    ),
    "backwards_unmarked": (
        "Đưa về cho đơn vị ({state}) mà không ghi là đi lùi.",
        "It sends back to the unit ({state}) and is not marked as backwards.",
    ),
    "backwards_without_reason": ("Đi lùi phải có lý do.", "A move backwards must require a reason."),
    "driver_without_reason": (
        "Hành động {name} gọi một việc đi lùi nên phải đòi lý do.",
        "The action {name} drives a move backwards and must require a reason.",
    ),
    "final_without_reason": (
        "Rời trạng thái kết thúc phải có lý do.",
        "Leaving a final state must require a reason.",
    ),
    "no_reason_codes": (
        "Đòi mã lý do nhưng không nêu mã nào.",
        "It requires a reason code and offers none.",
    ),
    "given_reason_not_allowed": (
        "Chỉ việc tự động mới có lý do ghi sẵn.",
        "Only an action of the system carries a written reason.",
    ),
    "given_reason_missing": (
        "Việc tự động đi lùi phải ghi sẵn lý do.",
        "An action of the system that leads back must carry its reason.",
    ),
    "asks_nobody": (
        "Việc này không do người trực tiếp làm nên không hỏi được {names}.",
        "Nobody performs this directly, so there is nobody to ask for {names}.",
    ),
    "two_main_actions": (
        "{function} có hai việc chính ở trạng thái {state}: {names}.",
        "{function} has two main actions in the state {state}: {names}.",
    ),
    "limit_never_started": ("Không hành động nào bắt đầu thời hạn này.", "No action starts this limit."),
    "limit_left_open": (
        "Thời hạn còn chạy khi đến trạng thái kết thúc {state}.",
        "The limit is still open when the final state {state} is reached.",
    ),
    "limit_not_open_here": (
        "Thời hạn {name} không bao giờ chạy ở trạng thái này.",
        "The limit {name} is never open in this state.",
    ),
    "expiry_not_by_system": (
        "Việc khi hết hạn ({name}) phải là việc tự động.",
        "The action on expiry ({name}) must be done by the system.",
    ),
    "expiry_not_possible": (
        "Thời hạn có thể hết ở trạng thái {state}, nơi không làm được {name}.",
        "The limit can run out in the state {state}, from which {name} does not lead.",
    ),
    "due_field_missing": (
        "Hành động {action} bắt đầu thời hạn này mà không có trường ngày bắt buộc {name}.",
        "The action {action} starts this limit without a required date field {name}.",
    ),
    "driver_outside": (
        "Không mở khi hồ sơ ở trạng thái {state}, nơi hành động {name} gọi đến.",
        "It is not open while the dossier is in the state {state}, from which the action {name} drives it.",
    ),
    "more_problems": ("Còn nhiều lỗi nữa, chưa liệt kê.", "There are more problems, not listed."),
}

LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong: where (`dossier.actions.submit.target`), what, and the line of the file if known."""

    path: str
    code: str
    message_vi: str
    message: str
    line: int | None = None


def problem(path: str, code: str, line: int | None = None, **words: object) -> Problem:
    """The complaint `code` at `path`; words from the file are shortened and made printable."""
    shown = {name: shorten(word) if isinstance(word, str) else word for name, word in words.items()}
    vi, en = SENTENCES[code]
    return Problem(path, code, vi.format(**shown), en.format(**shown), line)


def shorten(word: str) -> str:
    """At most 60 printable characters of `word`, so that a hostile file cannot flood a page."""
    cut = word if len(word) <= LONGEST_SHOWN else word[: LONGEST_SHOWN - 1] + "…"
    return "".join(c if c.isprintable() else "?" for c in cut)


class EditionInvalid(Exception):
    """The edition cannot be used; `problems` names every reason, in the order of the file."""

    code = "edition_invalid"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{p.path or '(file)'}: {p.message}" for p in problems[:10]))
        self.problems = problems
