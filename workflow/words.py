"""Words in both languages for deeds outside an edition, for papers, functions and kinds."""

from __future__ import annotations

from collections.abc import Mapping

from states.definition import Edition, Label

DEEDS: Mapping[str, Label] = {
    "opened": Label("Lập hồ sơ", "Opened the dossier"),
    "filled_in": Label("Sửa thông tin hồ sơ", "Changed the dossier's form"),
    "nominee_added": Label("Thêm người được đề nghị", "Added a nominee"),
    "nominee_filled_in": Label("Sửa thông tin người được đề nghị", "Changed a nominee's form"),
    "nominee_removed": Label("Bỏ người được đề nghị", "Removed a nominee"),
    "paper_attached": Label("Đưa lên giấy tờ", "Added a paper"),
    "paper_replaced": Label("Thay giấy tờ bằng bản mới", "Replaced a paper with a new version"),
    "paper_withdrawn": Label("Bỏ giấy tờ khỏi hồ sơ", "Took a paper out"),
    "unit_added": Label("Thêm đơn vị", "Added the unit"),
    "unit_renamed": Label("Ghi tên mới của đơn vị", "Gave the unit a new name"),
    "unit_closed": Label("Ghi ngày đơn vị kết thúc", "Closed the unit from a day on"),
    "function_given": Label("Giao chức năng", "Gave a function"),
    "function_ended": Label(
        "Kết thúc chức năng vì đơn vị thực hiện kết thúc", "Ended a function as its unit was closed"
    ),
    "account_added": Label("Thêm tài khoản", "Added the account"),
    "account_invited": Label("Mời người mới", "Invited the person"),
    "account_activated": Label("Kích hoạt tài khoản", "Activated the account"),
    "account_disabled": Label("Khóa tài khoản", "Disabled the account"),
    "account_enabled": Label("Mở lại tài khoản", "Enabled the account"),
    "activate_link_issued": Label("Tạo đường dẫn kích hoạt", "Made a link for activation"),
    "reset_link_issued": Label("Tạo đường dẫn đặt lại mật khẩu", "Made a link for a new password"),
    "password_reset": Label("Đặt lại mật khẩu", "Set a new password by a link"),
    "password_changed": Label("Đổi mật khẩu", "Changed the password"),
    "token_created": Label("Tạo khóa truy cập", "Made a token"),
    "token_revoked": Label("Thu hồi khóa truy cập", "Revoked a token"),
    "membership_added": Label("Giao thêm chức năng", "Gave a function"),
    "membership_ended": Label("Kết thúc một chức năng", "Ended a function"),
    "job_tried_again": Label("Cho hệ thống làm lại một việc", "Had the system try something again"),
}

SUBJECTS: Mapping[str, Label] = {
    "dossier": Label("Hồ sơ", "The dossier"),
    "org_unit": Label("Đơn vị", "The unit"),
    "account": Label("Thông tin của người này", "What is known of this person"),
}
"""What has a history of its own and may change while somebody looks at it, at the beginning of a sentence."""

PAPERS: Mapping[str, Label] = {
    "submission_paper": Label("Tờ trình", "Submission paper"),
    "minutes": Label("Biên bản xét khen thưởng", "Minutes"),
    "achievement_report": Label("Báo cáo thành tích", "Achievement report"),
    "evidence": Label("Minh chứng", "Evidence"),
    "initiative_certificate": Label("Công nhận sáng kiến", "Recognition of an initiative"),
    "meeting_minutes": Label("Biên bản họp xét", "Minutes of the review meeting"),
    "appraisal_sheet": Label("Phiếu thẩm định", "Appraisal sheet"),
    "return_notice": Label("Thông báo trả hồ sơ", "Notice of return"),
    "supplement_notice": Label("Thông báo yêu cầu bổ sung", "Notice asking for a supplement"),
    "withdrawal_request": Label("Đơn xin rút", "Request to withdraw"),
    "decision": Label("Quyết định đã ký", "Signed decision"),
    "other": Label("Giấy tờ khác", "Other paper"),
}

FUNCTION_NAMES: Mapping[str, Label] = {
    "nominator": Label("Người lập hồ sơ", "Nominator"),
    "unit_head": Label("Người đứng đầu đơn vị", "Head of the unit"),
    "intake": Label("Tiếp nhận", "Intake"),
    "appraiser": Label("Thẩm định", "Appraiser"),
    "appraisal_head": Label("Lãnh đạo nơi thẩm định", "Head of appraisal"),
    "award_officer": Label("Phụ trách thi đua, khen thưởng", "Award officer"),
    "decider": Label("Người quyết định", "Decider"),
    "council_secretary": Label("Thư ký Hội đồng", "Council secretary"),
    "registry_clerk": Label("Văn thư", "Registry clerk"),
    "auditor": Label("Thanh tra", "Auditor"),
    "administrator": Label("Quản trị", "Administrator"),
}

NOMINEE_KINDS: Mapping[str, Label] = {
    "collective": Label("tập thể", "collectives"),
    "household": Label("hộ gia đình", "households"),
    "individual": Label("cá nhân", "individuals"),
}

JOBS: Mapping[str, Label] = {
    "notify": Label(
        "Báo cho người liên quan về một việc trên hồ sơ", "Telling people of a deed on a dossier"
    ),
    "remind": Label(
        "Nhắc người đang giữ hồ sơ sắp đến hạn", "Reminding who holds a dossier that is due soon"
    ),
    "watch_clocks": Label("Xem hạn của các hồ sơ đang chạy", "Watching the time limits of dossiers"),
    "tidy": Label("Xóa dữ liệu tạm đã hết thời gian giữ", "Forgetting what has served its time"),
    "sweep_files": Label("Xóa tệp không thuộc hồ sơ nào", "Removing files that no dossier names"),
    "load_demo": Label("Nạp hồ sơ của bản trình diễn", "Loading the dossiers of the demo"),
}
"""What a worker does, by the kind of promise."""


def said(label: Label, language: str) -> str:
    """Return the label in ``vi`` or ``en``."""
    return label.en if language == "en" else label.vi


def deed_label(edition: Edition | None, action: str, language: str) -> str:
    """Return what people call a deed in the record; the key itself for one that nobody named."""
    if action in DEEDS:
        return said(DEEDS[action], language)
    if edition is not None:
        for machine in (edition.dossier, edition.nominee):
            if action in machine.actions:
                return said(machine.actions[action].label, language)
    return action
