"""What specialists send with a word: the operator's texts, in the requester's language, shown before they go."""

from __future__ import annotations

from collections.abc import Set

from bot.deeds import Hold, Origin
from bot.domain import Case, Conversation, Keep, Place, TextId
from bot.flow.phrases import EVERYWHERE
from bot.flow.replies import Canned
from bot.life import Step
from bot.services import casework, progress, record, relay, sayings, stats
from bot.services.casework import Told
from bot.services.commands import like
from bot.services.work import Work

SHOWN = 80  # characters of a reply in the list of them


def replies(work: Work) -> Canned:
    """Those of the latest release."""
    return work.kit.releases.latest.content.library.canned


def show_all(work: Work, said_in: Conversation) -> None:
    """Every canned reply by its name, with how it begins, in the language of the staff."""
    say = work.kit.render.staff
    lines = [
        say(sayings.CANNED_LINE, command=f"!canned {name}", answer=_beginning(work, text))
        for name, text in replies(work).replies.items()
    ]
    work.say(said_in, "\n\n".join([say(sayings.CANNED_LIST if lines else sayings.CANNED_NONE), *lines]))


def use(work: Work, said_in: Conversation, case: Case, who: str, name: str, *, send: bool, event_id: str) -> None:
    """Show what the requester would read, or send it to them. Only whoever has the case sends anything."""
    say = work.kit.render.staff
    text = replies(work).replies.get(name)
    if text is None:
        meant = like(name, tuple(replies(work).replies), "!canned ")
        near = [say(sayings.DID_YOU_MEAN, command=meant)] if meant else []
        work.say(said_in, "\n\n".join([say(sayings.CANNED_UNKNOWN), *near]))
        return
    fields = work.render_of(case).fields(case)
    missing = _quoted(work, text) - fields.keys()
    if missing:
        work.say(said_in, say(sayings.CANNED_LACKS, other=", ".join(sorted(missing))))
        return
    words, held = work.kit.render.filled(text, case.locale, fields), _held(case, _quoted(work, text))
    if not send:
        shown = say(sayings.CANNED_PREVIEW, command=f"!canned {name} send", words=words)
        work.say(said_in, shown, hold=held)
        return
    spoken_with = relay.reached(work, case)
    if spoken_with is None or case.claimed_by != who or said_in.place not in (Place.RELAY, Place.NOTES):
        work.say(said_in, say(sayings.CANNED_REFUSED, case=case.number))
        return
    progress.move(work, case, Step.SPEAK, who)
    origin = Origin(said_in.id, event_id)
    keep = held.keep if held else Keep.CASE
    work.say(spoken_with, words, origin, hold=record.spoke(work, case, spoken_with, words, origin, keep))


def decline(work: Work, case: Case, who: str, reason: str) -> Told:
    """Turn a case away with the operator's answer for this reason. A claimed one is its claimer's to decline."""
    declines = replies(work).declines
    if reason not in declines:
        return Told(sayings.DECLINE_REASONS, other=", ".join(declines) or "-")
    fields = work.render_of(case).fields(case)
    missing = _quoted(work, declines[reason]) - fields.keys()
    if missing:
        return Told(sayings.CANNED_LACKS, other=", ".join(sorted(missing)))
    told = casework.decline(work, case, who, work.kit.render.filled(declines[reason], case.locale, fields))
    if told.news:
        stats.count(work, stats.DECLINED, reason)
    return told


def _quoted(work: Work, text: TextId) -> Set[str]:
    """What the text quotes of the case that it is about."""
    return work.kit.releases.latest.content.library.placeholders.get(text, EVERYWHERE) - EVERYWHERE


def _held(case: Case, quoted: Set[str]) -> Hold | None:
    """What a text holds of the case that quotes this: it may stand for as long as each of the answers."""
    called = {"topic": case.topic, "urgency": case.urgency}
    labels = {label for name, label in called.items() if name in quoted and label is not None}
    told = [each for each in case.answers if each.step.rpartition(".")[2] in quoted or each.label in labels]
    if not told:
        return None
    return Hold(
        case.number,
        Keep.VETTING if any(each.keep is Keep.VETTING for each in told) else Keep.CASE,
        min((each.expires for each in told if each.expires is not None), default=None),
        min((each.due for each in told if each.due is not None), default=None),
    )


def _beginning(work: Work, text: TextId) -> str:
    said = work.kit.render.filled(text, work.kit.render.staff_locale, dict.fromkeys(_quoted(work, text), "…"))
    first = said.partition("\n")[0]
    return first if len(first) <= SHOWN else f"{first[:SHOWN]}…"
