"""The texts that the services say, beside those of the flows and of the engine. Their sentences are in flow files."""

from __future__ import annotations

from bot.domain import CaseStatus, Cause, Danger, Place, TextId

# to the requester
ANSWER_LINE = TextId("bot.answer_line")
CANNOT_TAKE_CHANGE = TextId("bot.cannot_take_change")
CASE_CLOSED = TextId("bot.case_closed")
CASE_DECLINED = TextId("bot.case_declined")
CORRECTED = TextId("bot.corrected")
KEPT_FOR_CASE = TextId("bot.kept_for_case")
NOT_TAKEN = TextId("bot.not_taken")
NOTICE_UNENCRYPTED = TextId("bot.notice_unencrypted")
SKIPPED = TextId("bot.skipped")
CANNOT_READ = {cause: TextId(f"bot.cannot_read_{cause.value}") for cause in Cause}
WAITING_HELP = TextId("bot.waiting_help")
WAITING_STOP = TextId("bot.waiting_stop")
UNSAFE = {
    Danger.THIRD_MEMBER: TextId("bot.room_unsafe_third"),
    Danger.HISTORY_OPENED: TextId("bot.room_unsafe_history"),
}

# to staff
ASKS_TO_STOP = TextId("staff.asks_to_stop")
CARD = TextId("staff.card")
CASE_MISSING = TextId("staff.case_missing")
CLAIM_AGAIN = TextId("staff.claim_again")
CLAIM_DONE = TextId("staff.claim_done")
CLAIM_REFUSED_CLOSED = TextId("staff.claim_refused_closed")
CLAIM_REFUSED_DECLINED = TextId("staff.claim_refused_declined")
CLAIM_REFUSED_TAKEN = TextId("staff.claim_refused_taken")
CLAIM_REFUSED_VETTING = TextId("staff.claim_refused_vetting")
CLAIMER_LEFT = TextId("staff.claimer_left")
CLOSE_REFUSED = TextId("staff.close_refused")
CLOSE_REFUSED_CLOSED = TextId("staff.close_refused_closed")
CLOSED_DONE = TextId("staff.closed_done")
COMMAND_IN_RELAY = TextId("staff.command_in_relay")
DID_YOU_MEAN = TextId("staff.did_you_mean")
STAFF_HELP = TextId("staff.help")
INVITE_FAILED = TextId("staff.invite_failed")
NO_SUCH_CASE = TextId("staff.no_such_case")
NOT_ALLOWED = TextId("staff.not_allowed")
NOT_DELIVERED = TextId("staff.not_delivered")
NOT_READ = TextId("staff.not_read")
NOT_READ_HERE = TextId("staff.not_read_here")
STAFF_NOT_TAKEN = TextId("staff.not_taken")
NOTES_INTRO = TextId("staff.notes_intro")
NOTES_LOST = TextId("staff.notes_lost")
RELAY_CLOSED = TextId("staff.relay_closed")
RELAY_LOST = TextId("staff.relay_lost")
REQUESTER_CHANGED = TextId("staff.requester_changed")
REQUESTER_LEFT = TextId("staff.requester_left")
ROOM_UNSAFE = TextId("staff.room_unsafe")
SUMMARY_LINE = TextId("staff.summary_line")
SUMMARY_NOTE = TextId("staff.summary_note")
SUMMARY_SKIPPED = TextId("staff.summary_skipped")
SUMMARY_TITLE = TextId("staff.summary_title")
SUMMARY_WORDS = TextId("staff.summary_words")
TOPIC_UNKNOWN = TextId("staff.topic_unknown")
UNKNOWN_COMMAND = TextId("staff.unknown_command")
UNREAD_IN_RELAY = TextId("staff.unread_in_relay")
URGENCY_UNKNOWN = TextId("staff.urgency_unknown")
VET_DONE_DECLINED = TextId("staff.vet_done_declined")
VET_DONE_PASSED = TextId("staff.vet_done_passed")
VET_PENDING_DONE = TextId("staff.vet_pending_done")
VET_REFUSED_CLAIMED = TextId("staff.vet_refused_claimed")
VET_REFUSED_CLOSED = TextId("staff.vet_refused_closed")
VET_REFUSED_DECIDED = TextId("staff.vet_refused_decided")
WORDS_KEPT = TextId("staff.words_kept")
STATES = {status: TextId(f"staff.state_{status.value}") for status in CaseStatus}
NAMES = {place: TextId(f"staff.{place.value}_name") for place in (Place.RELAY, Place.NOTES)}

ALL = frozenset(
    text
    for name, found in list(globals().items())
    if name.isupper()
    for text in (found.values() if isinstance(found, dict) else [found])
)
"""Every one of them: a library that lacks one must not go live."""
