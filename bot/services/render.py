"""From effects and cases to sentences: the one place where text ids become what a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import assert_never

from bot.cldr import length_of_time, moment, month
from bot.domain import Answer, Case, CaseNumber, CaseStatus, Change, Keep, TextId, Vetting
from bot.flow.events import (
    Answered,
    Ask,
    AskLanguage,
    BeginAnew,
    CancelTimer,
    Effect,
    End,
    Forget,
    OpenCase,
    PassOn,
    Reopen,
    Say,
    SetTimer,
    ShowAnswers,
    Withdraw,
)
from bot.flow.model import ATTACHED, SKIPPED
from bot.flow.summing import Sections, arranged
from bot.life import Step
from bot.ports import Texts
from bot.services import sayings

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_WHOLE = ((_DAY, 2 * _DAY), (_HOUR, 2 * _HOUR), (_MINUTE, _MINUTE))  # from how long a wait on it is said in which unit


_Goes = tuple[Keep, timedelta | None, datetime | None]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a summary, and how long it may stand: as `Answer` says it."""

    text: str = field(repr=False)
    keep: Keep
    expires: timedelta | None
    due: datetime | None


class Renderer:
    """Says things in the requester's language, and to staff in that of their rooms: `of_staff`, or the first one.

    `sections`: those of a summary.
    """

    def __init__(
        self, texts: Texts, languages: Mapping[str, str], of_staff: str | None = None, sections: Sections | None = None
    ) -> None:
        self._texts = texts
        self._languages = languages
        self._sections = sections or {}
        self.first_locale = texts.locales[0]
        self.staff_locale = of_staff or self.first_locale

    def effects(
        self, effects: Iterable[Effect], locale: str | None, case: CaseNumber | None, fingerprint: str | None = None
    ) -> str:
        """All that one engine step says, as one text; without a language yet, in every language offered.

        `fingerprint`: of our key, in the channel where this is said.
        """
        parts = [self._effect(effect, locale, case, fingerprint) for effect in effects]
        return "\n\n".join(part for part in parts if part)

    def requester(
        self,
        text: TextId,
        locale: str | None,
        case: CaseNumber | None = None,
        *,
        words: str | None = None,
        fingerprint: str | None = None,
    ) -> str:
        """One text for the requester, in every language offered if theirs is not known."""
        given = {"case": case, "words": words, "fingerprint": fingerprint}
        params = {name: value for name, value in given.items() if value is not None}
        said = (self._texts.say(text, each, params) for each in self._locales(locale))
        return "\n\n".join(dict.fromkeys(said))

    def notice(self) -> str:
        """The one thing that is ever sent in clear, in every language offered (law 5)."""
        return self.requester(sayings.NOTICE_UNENCRYPTED, None)

    def staff(self, text: TextId, /, locale: str | None = None, **params: str) -> str:
        """One text for staff; in the language of their rooms, where it is not for one of them alone."""
        return self._texts.say(text, locale or self.staff_locale, params)

    @staticmethod
    def channel(name: str) -> str:
        """What people call a channel, in every language."""
        return name.capitalize()

    def card(
        self, case: Case, *, before_claim: bool, waited: timedelta | None = None, locale: str | None = None
    ) -> str:
        """What the queue room shows of a case: nothing personal, and the number first.

        `waited`: for how long somebody waits for people.
        """
        return self.staff(
            sayings.CARD,
            locale,
            case=case.number,
            language=self._language(case.locale),
            topic=self._called(case.topic or sayings.TOPIC_UNKNOWN, locale),
            urgency=self._called(case.urgency or sayings.URGENCY_UNKNOWN, locale),
            state=self.state(case, before_claim=before_claim, waited=waited, locale=locale),
        )

    def state(
        self, case: Case, *, before_claim: bool, waited: timedelta | None = None, locale: str | None = None
    ) -> str:
        """How far a case has come, as its card says it."""
        state = self._at(case, before_claim, locale)
        if case.is_emergency and before_claim:
            state = self.staff(sayings.STATE_EMERGENCY, locale, state=state)
        if waited is None or waited < _MINUTE:
            return state
        unit = next(unit for unit, least in _WHOLE if waited >= least)
        time = length_of_time(waited // unit * unit, locale or self.staff_locale)
        return self.staff(sayings.STATE_WAITING, locale, state=state, time=time)

    def _at(self, case: Case, before_claim: bool, locale: str | None) -> str:
        status = case.status
        if case.bare is not None and not case.is_claimed and not case.is_over:
            return self.staff(sayings.BARE[case.bare], locale)
        if status is CaseStatus.ARRIVED and not before_claim:
            status = CaseStatus.WAITING  # nothing stands between it and a claim
        return self.staff(sayings.STATES[status], locale, who=case.claimed_by or "")

    def moment(self, at: datetime, locale: str | None = None) -> str:
        """When something was, for staff."""
        return moment(at, locale or self.staff_locale)

    def month(self, day: date) -> str:
        """The month of a day, for staff."""
        return month(day, self.staff_locale)

    def summary(
        self,
        case: Case,
        channel: str,
        *,
        before_claim: bool,
        identity: str | None = None,
        expires: timedelta | None = None,
        changes: Sequence[Change] = (),
        locale: str | None = None,
    ) -> Sequence[Part]:
        """What the notes room shows of a case: every answer, the requester's own words untouched.

        In the order of the flows' `summary`; what goes at another time than the rest is a part of its own. `channel`:
        where they write; what staff must know of it is said. `identity`, `expires`: the requester's. `changes`: the
        life of the case. `locale`: that of whoever reads it.
        """
        blocks = [*self._blocks(case, locale)]
        if not blocks or blocks[0].keep is not Keep.CASE:
            blocks.insert(0, Part("", Keep.CASE, None, None))
        title = self.staff(sayings.SUMMARY_TITLE, locale, case=case.number)
        card = self.card(case, before_claim=before_claim, locale=locale)
        standing = self._standing(case, changes, before_claim=before_claim, locale=locale)
        first, *others = _together(
            [replace(blocks[0], text=_apart([title, card, *standing, blocks[0].text])), *blocks[1:]]
        )
        foot = [self.staff(sayings.IDENTITY_NONE, locale)] if identity == "" else []
        foot += [self._if_said(TextId(f"staff.about_{channel}"), locale)]
        foot += [] if expires is None else [self.expiry(expires, locale)]
        return [replace(first, text=_apart([first.text, *foot])), *others]

    def changed(self, case: Case, answer: Answer, locale: str | None = None) -> str:
        """What an answer says since its message was changed, after it was handed over."""
        return self._summary_line(case, replace(answer, later=True), locale)

    def called(self, text: TextId) -> str:
        """What a question is called, for staff."""
        return _one_line(self._called(text))

    def filled(self, text: TextId, locale: str, fields: Mapping[str, str]) -> str:
        """A text of the operator's for the requester, with what it quotes of their case."""
        return self._texts.say(text, locale, fields)

    def fields(self, case: Case) -> Mapping[str, str]:
        """What a text can quote of a case, in its requester's language: each answer by the name of its step."""
        said = {
            answer.step.rpartition(".")[2]: answer.words or _one_line(self._chosen(answer, case.locale))
            for answer in case.answers
            if answer.outcome not in (SKIPPED, ATTACHED)
        }
        about = {"topic": case.topic, "urgency": case.urgency}
        called = {name: _one_line(self._called(text, case.locale)) for name, text in about.items() if text is not None}
        return {**said, **called, "case": case.number}

    def later(self, case: Case, answers: Iterable[Answer]) -> Sequence[Part]:
        """What the notes room shows of answers that came after the others."""
        head = self.staff(sayings.LATER_ANSWERS, case=case.number)
        return [Part(_apart([head, *lines]), *goes) for goes, lines in self._grouped(case, answers, None).items()]

    def _grouped(self, case: Case, answers: Iterable[Answer], locale: str | None) -> dict[_Goes, list[str]]:
        """Answers as lines, together where they go together."""
        groups: dict[_Goes, list[str]] = {}
        for answer in sorted(answers, key=lambda answer: answer.keep is Keep.VETTING):
            goes = answer.keep, answer.expires, answer.due
            groups.setdefault(goes, []).append(self._summary_line(case, answer, locale))
        return groups

    def _blocks(self, case: Case, locale: str | None) -> Iterator[Part]:
        """The sections of a summary, each in parts by how long they may stand; the note of the vetting with its own."""
        note = [] if not case.note else [self.staff(sayings.SUMMARY_NOTE, locale, note=case.note)]
        noted = (Keep.VETTING, None, None)
        for title, answers in arranged(case.answers, self._sections):
            for goes, lines in self._grouped(case, answers, locale).items():
                if goes == noted:
                    lines, note = [*lines, *note], []
                yield Part(_apart([self._heading(case, title, goes[0], locale), *lines]), *goes)
        if note:
            yield Part(_apart([self._heading(case, None, Keep.VETTING, locale), *note]), *noted)

    def _heading(self, case: Case, title: TextId | None, keep: Keep, locale: str | None) -> str:
        if title is not None:
            called = self._called(title, locale)
            return self.staff(sayings.SUMMARY_SECTION, locale, case=case.number, detail=called)
        return self.staff(sayings.SUMMARY_VETTING, locale, case=case.number) if keep is Keep.VETTING else ""

    def _standing(
        self, case: Case, changes: Sequence[Change], *, before_claim: bool, locale: str | None
    ) -> Iterator[str]:
        """Who signed the case off and when, or claimed it before that; and what its requester has asked for since."""
        said: dict[Step, TextId] = {}
        if case.is_emergency and before_claim:
            said[Step.CLAIM] = sayings.SUMMARY_EMERGENCY
        if case.vetting in sayings.SUMMARY_SIGNED:
            step = Step.SIGN_OFF if case.vetting is Vetting.PASSED else Step.DECLINE
            said[step] = sayings.SUMMARY_SIGNED[case.vetting]
        for step, text in said.items():
            taken = [change for change in changes if change.step == step]
            for change in taken[-1:]:  # of a case from before its life was on record, there is none
                yield self.staff(text, locale, who=change.who, time=self.moment(change.at, locale))
        for answered, wish in sayings.WISHES.items():
            if answered in case.told:
                yield self.staff(wish, locale, case=case.number)

    def expiry(self, expires: timedelta | None, locale: str | None = None) -> str:
        """What staff are told of messages that disappear."""
        if expires is None:
            return self.staff(sayings.EXPIRES_NO_MORE, locale)
        return self.staff(sayings.EXPIRES, locale, time=length_of_time(expires, locale or self.staff_locale))

    def _effect(self, effect: Effect, locale: str | None, case: CaseNumber | None, fingerprint: str | None) -> str:
        match effect:
            case Say(text):
                return self.requester(text, locale, case, fingerprint=fingerprint)
            case Ask(text, options, about):
                asked = self._about(text, about, locale) if about else self.requester(text, locale, case)
                lines = self._numbered(" / ".join(dict.fromkeys(self._in_each(option, locale))) for option in options)
                return "\n\n".join(part for part in (asked, lines) if part)
            case AskLanguage(text, guess):
                asked = "\n".join(dict.fromkeys(self._in_each(text, None)))
                listed = self._numbered(self._language(each) for each in self._texts.locales)
                offered = (
                    [self._texts.say(sayings.GO_ON_IN, guess, {"language": self._language(guess)})] if guess else []
                )
                return "\n\n".join([*offered, asked, listed])
            case ShowAnswers(answers):
                return self._numbered(self._answer(answer, locale or self.first_locale) for answer in answers)
            case OpenCase() | Answered() | PassOn() | Reopen() | BeginAnew():
                return ""
            case Withdraw() | Forget() | End() | SetTimer() | CancelTimer():
                return ""
            case _:
                assert_never(effect)

    def _about(self, text: TextId, about: TextId, locale: str | None) -> str:
        """A question that speaks of another one."""
        said = (
            self._texts.say(text, each, {"question": (of := _one_line(self._texts.say(about, each))), "answer": of})
            for each in self._locales(locale)
        )
        return "\n\n".join(dict.fromkeys(said))

    def _answer(self, answer: Answer, locale: str) -> str:
        said = answer.words if answer.words is not None else self._chosen(answer, locale)
        question = _one_line(self._texts.say(answer.question, locale))
        return self._texts.say(sayings.ANSWER_LINE, locale, {"question": question, "answer": said})

    def _chosen(self, answer: Answer, locale: str) -> str:
        """The text of the option, or of each of several; a mark between that stands in no language for itself."""
        options = [option for _, option in answer.chosen] or [answer.label or sayings.SKIPPED]
        return " / ".join(_one_line(self._called(option, locale)) for option in options)

    def _summary_line(self, case: Case, answer: Answer, locale: str | None) -> str:
        line = self._answered(case, answer, locale)
        if answer.later and answer.at is not None:
            return self.staff(sayings.SUMMARY_CHANGED, locale, time=self.moment(answer.at, locale), detail=line)
        if answer.version is not None and answer.at is not None:
            time = self.moment(answer.at, locale)
            return self.staff(sayings.SUMMARY_CONSENT, locale, detail=line, version=str(answer.version), time=time)
        return line

    def _answered(self, case: Case, answer: Answer, locale: str | None) -> str:
        question = _one_line(self._called(answer.question, locale))
        if answer.outcome == ATTACHED:
            return self.staff(sayings.SUMMARY_LINE, locale, question=question, answer=answer.words or "")
        if answer.words is not None:
            spoken = self._language(case.locale)
            return self.staff(sayings.SUMMARY_WORDS, locale, question=question, language=spoken, answer=answer.words)
        if answer.outcome == SKIPPED or (answer.label is None and not answer.chosen):
            return self.staff(sayings.SUMMARY_SKIPPED, locale, question=question)
        chosen = self._chosen(answer, locale or self.staff_locale)
        return self.staff(sayings.SUMMARY_LINE, locale, question=question, answer=chosen)

    def _if_said(self, text: TextId, locale: str | None) -> str:
        """A text that not every library has; empty where this one has not."""
        try:
            return self.staff(text, locale)
        except LookupError:
            return ""

    def _called(self, text: TextId, locale: str | None = None) -> str:
        """What a question or an answer is called; its id, where its flows cannot be read any more."""
        try:
            return self._texts.say(text, locale or self.staff_locale)
        except LookupError:
            return text

    def _locales(self, locale: str | None) -> Sequence[str]:
        return self._texts.locales if locale is None else (locale,)

    def _in_each(self, text: TextId, locale: str | None) -> Iterable[str]:
        return (self._texts.say(text, each) for each in self._locales(locale))

    def _language(self, locale: str) -> str:
        return self._languages.get(locale, locale)

    @staticmethod
    def _numbered(lines: Iterable[str]) -> str:
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def _apart(texts: Iterable[str]) -> str:
    return "\n\n".join(text for text in texts if text)


def _together(parts: Sequence[Part]) -> Sequence[Part]:
    """Neighbours that may stand equally long are one part."""
    found = [parts[0]]
    for part in parts[1:]:
        before = found[-1]
        if (before.keep, before.expires, before.due) == (part.keep, part.expires, part.due):
            found[-1] = replace(before, text=_apart([before.text, part.text]))
        else:
            found.append(part)
    return found


def _one_line(text: str) -> str:
    return " ".join(text.split())
