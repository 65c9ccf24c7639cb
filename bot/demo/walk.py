"""What a requester answers on the whole way to a handoff, in the languages that ship complete."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Walk:
    """One requester's words, in the order in which the bot asks for them."""

    locale: str
    answers: tuple[str, ...] = field(repr=False)


WHOLE = (
    Walk(
        "en",
        (
            "Hello?",
            "1",  # English
            "2",  # I need help with a problem
            "A journalist or blogger",
            "1",  # for themselves
            "1",  # an account
            "yes",
            "no",  # nobody else has access to this device
            "Since yesterday I cannot get into my mail account. The password was changed.",
            "2",  # it is happening right now
            "Portugal",
            "skip",  # when and how to write back
            "I write for a small paper; my name is on its page",
            "1",  # somebody told them to write
            "A colleague at a press freedom group",
            "yes",
            "The secretary of our union; a phone number is on its page",
            "Yes please",
            "no",
            "1",  # pass it on
        ),
    ),
    Walk(
        "es",
        (
            "Hola",
            "Español",
            "2",
            "2",
            "1",
            "1",
            "sí",
            "no",
            "Desde ayer no puedo entrar en mi correo. Alguien cambió la contraseña.",
            "2",
            "Portugal",
            "saltar",
            "Escribo en un periódico pequeño; mi nombre está en su página",
            "1",
            "Una colega de una organización de prensa",
            "1",
            "La secretaria de nuestro sindicato",
            "SI",
            "2",
            "1",
        ),
    ),
    Walk(
        "ar",
        (
            "مرحبا",
            "العربية",
            "٢",
            "٢",
            "١",
            "١",
            "نعم",
            "لا",
            "منذ أمس لا أستطيع الدخول إلى بريدي. غيّر أحدهم كلمة السر.",
            "٢",
            "البرتغال",
            "تخطي",
            "أكتب في صحيفة صغيرة، واسمي على صفحتها",
            "١",
            "زميلة في منظمة صحفية",
            "١",
            "أمينة سر نقابتنا",
            "نعم",
            "لا",
            "1",
        ),
    ),
)
