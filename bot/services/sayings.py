"""The texts that the services say, beside those of the flows and of the engine. Their sentences are in flow files."""

from __future__ import annotations

from bot.domain import Bare, CaseStatus, Place, TextId, Vetting
from bot.flow.events import Why
from bot.happenings import Alarm, Cause, Danger, Setting
from bot.life import Step

# to the requester
ANSWER_LINE = TextId("bot.answer_line")
CANNOT_VERIFY = TextId("bot.cannot_verify")
CASE_CLOSED = TextId("bot.case_closed")
CASE_DECLINED = TextId("bot.case_declined")
CORRECTED = TextId("bot.corrected")
GO_ON_IN = TextId("bot.go_on_in")
KEPT_FOR_CASE = TextId("bot.kept_for_case")
NOT_TAKEN = TextId("bot.not_taken")
NOTICE_UNENCRYPTED = TextId("bot.notice_unencrypted")
REMOVED_BY_STAFF = TextId("bot.removed")
SKIPPED = TextId("bot.skipped")
CANNOT_READ: dict[Cause, TextId] = {
    cause: TextId(f"bot.cannot_read_{cause.value}")
    for cause in Cause
    if cause is not Cause.CHANGED  # it is heard of once the identity is accepted
}
WAITING_HELP = TextId("bot.waiting_help")
WAITING_STOP = TextId("bot.waiting_stop")
EARLIER_CASE = TextId("bot.earlier_case")
WAITING_WITHDRAW = TextId("bot.waiting_withdraw")
WAITING_FORGET = TextId("bot.waiting_forget")
UNSAFE = {
    Danger.THIRD_MEMBER: TextId("bot.room_unsafe_third"),
    Danger.HISTORY_OPENED: TextId("bot.room_unsafe_history"),
}

PROMISE_MISSED = TextId("bot.promise_missed")
TEAM_UNREACHED = TextId("bot.team_unreached")

# to staff
ASK_BEGUN = TextId("staff.ask_begun")
ASK_LIST = TextId("staff.ask_list")
ASK_REFUSED = TextId("staff.ask_refused")
ASK_REFUSED_RUNNING = TextId("staff.ask_refused_running")
ASK_UNKNOWN = TextId("staff.ask_unknown")
ASKED_OVER = {why: TextId(f"staff.asked_{why.value}") for why in Why}
LATER_ANSWERS = TextId("staff.later_answers")
ASKS_TO_STOP = TextId("staff.asks_to_stop")
ASKS_TO_WITHDRAW = TextId("staff.asks_to_withdraw")
ASKS_TO_FORGET = TextId("staff.asks_to_forget")
WISHES = {  # by what its requester was answered
    WAITING_STOP: ASKS_TO_STOP,
    WAITING_WITHDRAW: ASKS_TO_WITHDRAW,
    WAITING_FORGET: ASKS_TO_FORGET,
}
EARLIER_WITHDRAWN = TextId("staff.earlier_withdrawn")
EARLIER_FORGOTTEN = TextId("staff.earlier_forgotten")
LEFT_IN_HASTE = TextId("staff.left_in_haste")
CANNED_LACKS = TextId("staff.canned_lacks")
CANNED_LINE = TextId("staff.canned_line")
CANNED_LIST = TextId("staff.canned_list")
CANNED_NONE = TextId("staff.canned_none")
CANNED_PREVIEW = TextId("staff.canned_preview")
CANNED_REFUSED = TextId("staff.canned_refused")
CANNED_UNKNOWN = TextId("staff.canned_unknown")
DECLINE_REASONS = TextId("staff.decline_reasons")
DECLINED_DONE = TextId("staff.declined_done")
SIGN_DONE = TextId("staff.sign_done")
SIGN_NO_MORE = TextId("staff.sign_no_more")
SIGN_REFUSED = TextId("staff.sign_refused")
CARD = TextId("staff.card")
CARD_ELSEWHERE = TextId("staff.card_elsewhere")
BARE = {bare: TextId(f"staff.state_{bare.value}") for bare in Bare}
BARE_CLOSED = TextId("staff.bare_closed")
BARE_GONE = TextId("staff.bare_gone")
PROMISE_CALL = TextId("staff.promise_call")
VET_REFUSED_BARE = TextId("staff.vet_refused_bare")
CASE_MISSING = TextId("staff.case_missing")
CLAIM_AGAIN = TextId("staff.claim_again")
CLAIM_DONE = TextId("staff.claim_done")
CLAIM_DONE_EMERGENCY = TextId("staff.claim_done_emergency")
CLAIM_REFUSED_CLOSED = TextId("staff.claim_refused_closed")
CLAIM_REFUSED_DECLINED = TextId("staff.claim_refused_declined")
CLAIM_REFUSED_TAKEN = TextId("staff.claim_refused_taken")
CLAIM_REFUSED_VETTING = TextId("staff.claim_refused_vetting")
CLAIMER_LEFT = TextId("staff.claimer_left")
CLAIMER_NOT_INVITED = TextId("staff.claimer_not_invited")
ASSIGN_DONE = TextId("staff.assign_done")
HELP_REFUSED = TextId("staff.help_refused")
HELP_WANTED = TextId("staff.help_wanted")
HELPER_INVITED = TextId("staff.helper_invited")
NAME_UNCLEAR = TextId("staff.name_unclear")
NAME_UNKNOWN = TextId("staff.name_unknown")
NOT_CLAIMED = TextId("staff.not_claimed")
NOT_YOURS = TextId("staff.not_yours")
RELEASE_DONE = TextId("staff.release_done")
REOPENED = TextId("staff.reopened")
REOPENED_LAST = TextId("staff.reopened_last")
CLOSE_REFUSED = TextId("staff.close_refused")
CLOSE_REFUSED_CLOSED = TextId("staff.close_refused_closed")
CLOSED_DONE = TextId("staff.closed_done")
COMMAND_IN_RELAY = TextId("staff.command_in_relay")
DID_YOU_MEAN = TextId("staff.did_you_mean")
STAFF_HELP = TextId("staff.help")
JOIN_DONE = TextId("staff.join_done")
JOIN_REFUSED = TextId("staff.join_refused")
JOINED_TO = TextId("staff.joined_to")
WRITES_ELSEWHERE = TextId("staff.writes_elsewhere")
EARLIER = TextId("staff.earlier")
EARLIER_FILE = TextId("staff.earlier_file")
EARLIER_REQUESTER = TextId("staff.earlier_requester")
EARLIER_STAFF = TextId("staff.earlier_staff")
SILENT_REQUESTER = TextId("staff.silent_requester")
SILENT_STAFF = TextId("staff.silent_staff")
INVITE_FAILED = TextId("staff.invite_failed")
NO_SUCH_CASE = TextId("staff.no_such_case")
LOOKED_BACK = TextId("staff.looked_back")
LOOKED_BACK_LINE = TextId("staff.looked_back_line")
LOOKED_BACK_NONE = TextId("staff.looked_back_none")
LOOKED_BACK_NOTHING = TextId("staff.looked_back_nothing")
LOOKED_BACK_REFUSED = TextId("staff.looked_back_refused")
LOOKED_BACK_ACCOUNT = TextId("staff.looked_back_account")
NOT_ALLOWED = TextId("staff.not_allowed")
NOT_DELIVERED = TextId("staff.not_delivered")
NOT_READ = TextId("staff.not_read")
NOT_READ_HERE = TextId("staff.not_read_here")
STAFF_NOT_TAKEN = TextId("staff.not_taken")
NOTES_INTRO = TextId("staff.notes_intro")
NOT_ERASED = TextId("staff.not_erased")
NOTES_LOST = TextId("staff.notes_lost")
QUEUE_MOVED = TextId("staff.queue_moved")
RELAY_INTRO = TextId("staff.relay_intro")
RELAY_CLOSED = TextId("staff.relay_closed")
RELAY_UNCLAIMED = TextId("staff.relay_unclaimed")
ROOM_MADE_ANEW = TextId("staff.room_made_anew")
RELAY_LOST = TextId("staff.relay_lost")
REQUESTER_CHANGED = TextId("staff.requester_changed")
REQUESTER_LEFT = TextId("staff.requester_left")
ROOM_UNSAFE = TextId("staff.room_unsafe")
ROOM_UNSAFE_ONE = TextId("staff.room_unsafe_one")
SUMMARY_LINE = TextId("staff.summary_line")
SUMMARY_CHANGED = TextId("staff.summary_changed")
SUMMARY_CONSENT = TextId("staff.summary_consent")
SUMMARY_EMERGENCY = TextId("staff.summary_emergency")
SUMMARY_NOTE = TextId("staff.summary_note")
SUMMARY_SECTION = TextId("staff.summary_section")
SUMMARY_SIGNED = {
    Vetting.PASSED: TextId("staff.summary_passed"),
    Vetting.DECLINED: TextId("staff.summary_declined"),
}
SUMMARY_SKIPPED = TextId("staff.summary_skipped")
SUMMARY_VETTING = TextId("staff.summary_vetting")
EXPIRES = TextId("staff.expires")
EXPIRES_NO_MORE = TextId("staff.expires_no_more")
SUMMARY_TITLE = TextId("staff.summary_title")
SUMMARY_WORDS = TextId("staff.summary_words")
TOPIC_UNKNOWN = TextId("staff.topic_unknown")
UNKNOWN_COMMAND = TextId("staff.unknown_command")
UNREAD_IN_RELAY = TextId("staff.unread_in_relay")
URGENCY_UNKNOWN = TextId("staff.urgency_unknown")
VET_DONE_DECLINED = TextId("staff.vet_done_declined")
VET_DONE_PASSED = TextId("staff.vet_done_passed")
VET_PENDING_DONE = TextId("staff.vet_pending_done")
VET_DONE_SIGNED = TextId("staff.vet_done_signed")
VET_REFUSED_CLOSED = TextId("staff.vet_refused_closed")
VET_REFUSED_DECIDED = TextId("staff.vet_refused_decided")
WORDS_KEPT = TextId("staff.words_kept")
STATES = {status: TextId(f"staff.state_{status.value}") for status in CaseStatus}
STATE_EMERGENCY = TextId("staff.state_emergency")
STATE_WAITING = TextId("staff.state_still_waiting")
QUEUE_SHUT = TextId("staff.queue_shut")
QUEUE_OPENED = TextId("staff.queue_opened")
QUEUE_EMPTY = TextId("staff.queue_empty")
MINE_EMPTY = TextId("staff.mine_empty")
MINE_LINE = TextId("staff.mine_line")
LIFE_LINE = TextId("staff.life_line")
LIFE_LINE_BY = TextId("staff.life_line_by")
STEPS = {step: TextId(f"staff.step_{step.value}") for step in Step}
CASE_ROOMS = {place: TextId(f"staff.case_{place.value}") for place in (Place.RELAY, Place.NOTES)}
NAMES = {place: TextId(f"staff.{place.value}_name") for place in (Place.RELAY, Place.NOTES)}

# to staff, about who they are
ROSTER_ADDED = TextId("staff.roster_added")
ROSTER_ADDED_LEAD = TextId("staff.roster_added_lead")
ROSTER_REMOVED = TextId("staff.roster_removed")
ROSTER_NO_NAME = TextId("staff.roster_no_name")
ROSTER_NO_IDENTITY = TextId("staff.roster_no_identity")
ROSTER_IN_CONFIG = TextId("staff.roster_in_config")
ROSTER_IS_BOT = TextId("staff.roster_is_bot")
ROSTER_NOT_LISTED = TextId("staff.roster_not_listed")
ROSTER_ELSEWHERE = TextId("staff.roster_elsewhere")
ROSTER_FOR_LEADS = TextId("staff.roster_for_leads")
ROSTER_LINE = TextId("staff.roster_line")
ROSTER_LINE_LEAD = TextId("staff.roster_line_lead")
ROSTER_BY_CONFIG = TextId("staff.roster_by_config")
ROSTER_BY_ADMINISTRATOR = TextId("staff.roster_by_administrator")
ROSTER_BY_LEAD = TextId("staff.roster_by_lead")
IDENTITY_FOUND = TextId("staff.identity_found")
IDENTITY_UNKNOWN = TextId("staff.identity_unknown")
CLAIMER_REMOVED = TextId("staff.claimer_removed")

# to staff, about what is wrong
ALARMS = {alarm: TextId(f"staff.alarm_{alarm.value}") for alarm in Alarm}
OWN_ALARMS = {
    alarm: TextId(f"staff.alarm_own_{alarm.value}") for alarm in (Alarm.UNSIGNED_DEVICE, Alarm.WRONG_IDENTITY)
}
RECORD_BROKEN = TextId("staff.record_broken")
CANNOT_VERIFY_HERE = TextId("staff.cannot_verify")
REFUSED = {place: TextId(f"staff.refused_in_{place.value}") for place in NAMES}
UNLISTED_CAME: dict[Place, TextId] = {
    place: TextId(f"staff.unlisted_in_{place.value}") for place in (Place.QUEUE, *NAMES)
}
SETTING_CHANGED: dict[Place, TextId] = {
    place: TextId(f"staff.setting_changed_in_{place.value}") for place in (Place.QUEUE, *NAMES)
}
SETTINGS = {setting: TextId(f"staff.setting_{setting.value}") for setting in Setting}

# to staff, about what passes through the relay and about the requester's account
FILE_FOLLOWS = TextId("staff.file_follows")
FILE_KEPT = TextId("staff.file_kept")
FILE_NOT_DELIVERED = TextId("staff.file_not_delivered")
IDENTITY_CHANGED = TextId("staff.identity_changed")
IDENTITY_GONE = TextId("staff.identity_gone")
IDENTITY_WAITS = TextId("staff.identity_waits")
TRUST_DONE = TextId("staff.trust_done")
TRUST_REFUSED = TextId("staff.trust_refused")
IDENTITY_NONE = TextId("staff.identity_none")
IDENTIFY_FAILED = TextId("staff.identify_failed")
NOT_FOLLOWED = TextId("staff.not_followed")
NOT_RESTORED = TextId("staff.not_restored")
REMOVED = TextId("staff.removed")
REQUESTER_REMOVED = TextId("staff.requester_removed")

ALL = frozenset(
    text
    for name, found in list(globals().items())
    if name.isupper()
    for text in (found.values() if isinstance(found, dict) else [found])
)
"""Every one of them: a library that lacks one must not go live."""
