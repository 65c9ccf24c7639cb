"""Whether somebody is in the middle of what is asked of whoever wants help. Pure."""

from __future__ import annotations

from bot.flow.asides import Aside
from bot.flow.machine import Compiled, answering
from bot.flow.model import ConsentStep, FaqStep, LanguageStep
from bot.flow.session import Session


def is_inside(compiled: Compiled, session: Session) -> bool:
    """Past the menu, at a question that leads on to people.

    A question with an answer that leads straight back to the menu stands at the door: whoever has just heard there that
    the helpline cannot take this on need not say that they leave.
    """
    state = compiled.states.get(session.state)
    if state is None:  # of flows that were edited since
        return bool(session.path)
    if session.state == compiled.menu or isinstance(state.step, LanguageStep | FaqStep):
        return False
    return isinstance(state.step, ConsentStep) or not _leads_out(compiled, session.state)


def is_parting(session: Session) -> bool:
    """They have asked to stop, or to have everything erased, and were asked whether they mean it."""
    return session.aside in (Aside.STOP, Aside.WITHDRAW, Aside.FORGET)


def _leads_out(compiled: Compiled, asked: str) -> bool:
    by_answer = answering("")
    return any(
        (source, target) == (asked, compiled.menu) and trigger.startswith(by_answer)
        for source, trigger, target in compiled.edges()
    )
