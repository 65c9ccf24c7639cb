"""The configuration: what is accepted, and what an administrator reads when something is wrong."""

from __future__ import annotations

import re
import tempfile
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config import AccessToken, ChangedIdentity, Config, ConfigError, Helpline, Password, Signal, texts_params
from bot.ladder import Call, Rung, Shift

KEY = "b25seSBhbiBleGFtcGxlLCBwdXQgdGhlaXJzIGhlcmU"
MATRIX = """
[matrix]
homeserver = "https://matrix.example.org"
user_id = "@helpline:example.org"
password_file = "password"
"""
SPECIALISTS = f"""
[specialists]
room = "!cases:example.org"
members = [{{ user = "@ana:example.org", master_key = "{KEY}" }}]
"""
STORE = """
[store]
key_file = "vestibule.key"
"""
WHOLE = MATRIX + SPECIALISTS + STORE
LINES = ["[matrix]", "[store]", "[specialists]", "[helpline]", "[helpline.links]", "locales = [1]", "members = [[]]"]
LINES += [
    "members = [{}]",
    "links = 1",
    "url = {}",
    "name = 1979-05-27",
    "first_response = nan",
    "key_file = '\\u0000'",
]
LINES += [
    'key_file = "\\u0000"',
    'path = "\\u0000"',
    "leads = [{user = {}}]",
    "homeserver = 'http://['",
    'password_file = "\\u0000"',
    "data_dir = ''",
    "a.b = 1",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "token").write_text("syt_token\n")
    return tmp_path


def read(home: Path, text: str, **environ: str) -> Config:
    (home / "config.toml").write_text(text)
    return Config.read(home / "config.toml", environ)


def faults(home: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        read(home, text, **environ)
    lines = str(raised.value).splitlines()
    assert [str(problem) for problem in raised.value.problems] == lines
    return [line.removeprefix(f"{home}/") for line in lines]


def test_what_is_required_is_enough(home: Path) -> None:
    config = read(home, WHOLE)
    assert config.matrix.homeserver == "https://matrix.example.org"
    assert config.matrix.credential == Password("correct horse")
    assert config.specialists.staff == {"@ana:example.org": KEY}
    assert config.vetting.before_claim
    assert config.flows.path == home / "flows"
    assert config.flows.catalogs == home / "locales"
    assert config.store.key_file == home / "vestibule.key"
    assert config.store.data_dir == home / "data"
    assert config.store.url == f"sqlite:///{home}/data/vestibule.db"
    assert config.helpline == Helpline(links=config.helpline.links)
    assert not any(config.helpline.links.values())


def test_staff_read_the_helplines_first_language_or_the_one_that_is_named(home: Path) -> None:
    assert read(home, WHOLE).specialists.language == "en"
    spanish = WHOLE.replace("[specialists]", '[specialists]\nlanguage = "es"')
    config = read(home, spanish.replace(f'"{KEY}"', f'"{KEY}", language = "fr"'))
    assert config.specialists.language == "es"
    assert config.specialists.languages == {"@ana:example.org": "fr"}


@pytest.mark.parametrize("language", ["nl", "en_GB"])
def test_staff_read_no_language_that_the_helpline_has_not(home: Path, language: str) -> None:
    room = WHOLE.replace("[specialists]", f'[specialists]\nlanguage = "{language}"')
    for text in (room, WHOLE.replace(f'"{KEY}"', f'"{KEY}", language = "{language}"')):
        (line,) = faults(home, text)
        assert "error[unknown-locale]: [specialists] language" in line


def test_relative_paths_start_at_the_folder_of_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "other").mkdir()
    monkeypatch.chdir(home)
    (home / "config.toml").write_text(
        WHOLE + 'data_dir = "state"\nurl = "sqlite:///other/bot.db"\n[flows]\npath = "other"\n'
    )
    config = Config.read(Path("config.toml"), {})
    assert config.flows.path == home / "other"
    assert config.store.data_dir == home / "state"
    assert config.store.url == f"sqlite:///{home}/other/bot.db"


def test_the_example_is_a_config_that_loads(home: Path) -> None:
    example = Path(__file__).parent.parent / "config.example.toml"
    config = read(home, example.read_text())
    assert config.helpline.help_address == "help@accessnow.org"
    assert config.helpline.legal_address.partition("@")[2] == "accessnow.org"


def test_what_the_example_shows_behind_a_hash_is_the_default(home: Path) -> None:
    example = (Path(__file__).parent.parent / "config.example.toml").read_text()
    others, signal = parted(example)
    shown = [line for line in others if line.startswith("#") and not line.startswith("# ")]
    others_own = ("#access_token_file", "#leads", "#rooms", "#room ", "#directors", "#shifts")
    defaults = [line for line in shown if not line.startswith(others_own)]
    assert len(defaults) == len(shown) - len(others_own)
    opened = "\n".join(line[1:] if line in defaults else line for line in others)
    assert read(home, opened) == read(home, example)
    whole = "\n".join((*others, *(line[1:] for line in signal if not line.startswith("# "))))
    least = "\n".join((*others, *(line[1:] for line in signal if line.startswith(("#[", "#socket", "#account")))))
    assert read(home, whole).signal == replace(
        read(home, least).signal or Signal(Path(), ""), attachments=Path("/var/lib/signal-cli/attachments")
    )


def test_the_rooms_that_the_example_shows_can_be_used(home: Path) -> None:
    example = (Path(__file__).parent.parent / "config.example.toml").read_text()
    config = read(home, example.replace("#rooms = ", "rooms = ").replace("#room = ", "room = "))
    assert config.other_rooms == ("#vetting:example.org", "#arabic:example.org", "#accounts:example.org")
    assert [(room.languages, room.topics) for room in config.specialists.rooms] == [(("ar",), ()), ((), ("account",))]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ('{ room = "#a:b.c" }', "error[takes-all]: [specialists] rooms has an entry without languages and topics"),
        ('{ room = "#a:b.c", languages = ["sw"] }', "names the language 'sw', which [helpline] locales does not offer"),
        ('{ room = "a", languages = ["ar"] }', "error[wrong-value]: [specialists] rooms, entry 1: room must be"),
        ('{ languages = ["ar"] }', "error[missing-key]: [specialists] rooms, entry 1: room is missing"),
        ('{ room = "#a:b.c", languages = [] }', "error[wrong-value]: [specialists] rooms, entry 1: languages must be"),
        ('{ room = "#a:b.c", topics = "x" }', "error[wrong-value]: [specialists] rooms, entry 1: topics must be"),
        ('{ room = "#a:b.c", topic = ["x"] }', "has no setting 'topic'"),
    ],
)
def test_a_room_that_cannot_be_used_is_told_with_its_place(home: Path, entry: str, told: str) -> None:
    text = WHOLE.replace("[specialists]\n", f"[specialists]\nrooms = [{entry}]\n")
    found = faults(home, text)
    assert any(told in line for line in found)
    assert all(re.match(r"config\.toml:\d+:\d+: ", line) for line in found)


def parted(example: str) -> tuple[list[str], list[str]]:
    """The lines of what every helpline has, and those of the section that stands there closed."""
    lines = example.splitlines()
    start, end = lines.index("#[signal]"), lines.index("[specialists]")
    return lines[:start] + lines[end:], lines[start:end]


SIGNAL = """
[signal]
socket = "signal.sock"
account = "+15550100000"
"""


def test_a_helpline_need_not_be_on_signal(home: Path) -> None:
    assert read(home, WHOLE).signal is None


def test_on_signal_a_changed_identity_waits_and_messages_disappear_unless_said_otherwise(home: Path) -> None:
    signal = read(home, WHOLE + SIGNAL).signal
    assert signal == Signal(home / "signal.sock", "+15550100000", None, ChangedIdentity.WAIT, timedelta(days=28))
    more = 'attachments = "files"\nchanged_identity = "trust"\ndisappearing_days = 0\n'
    other = read(home, WHOLE + SIGNAL + more).signal
    assert other == Signal(home / "signal.sock", "+15550100000", home / "files", ChangedIdentity.TRUST, timedelta())


@pytest.mark.parametrize(
    "line",
    ['account = "15550100000"', 'changed_identity = "maybe"', "disappearing_days = 366", f'socket = "{"s" * 108}"'],
)
def test_what_cannot_be_used_on_signal_is_told(home: Path, line: str) -> None:
    key = line.split()[0]
    kept = "\n".join(other for other in SIGNAL.splitlines() if not other.startswith(key))
    (fault,) = faults(home, f"{WHOLE}{kept}\n{line}\n")
    assert f"error[wrong-value]: [signal] {key} must be" in fault


@pytest.mark.parametrize("key", ["homeserver", "user_id", "password_file", "room", "members", "key_file"])
def test_each_required_setting_is_missed(home: Path, key: str) -> None:
    text = "\n".join(line for line in WHOLE.splitlines() if not line.startswith(f"{key} "))
    (line,) = faults(home, text)
    assert "error[missing-key]" in line
    assert key in line


def test_every_fault_is_told_at_once_each_with_its_place(home: Path) -> None:
    text = '[helpline]\nnam = "x"\n[matrix]\nhomeserver = "matrix.example.org"\nuser_id = 5\n[claims]\n[store]\n'
    assert faults(home, text) == [
        'config.toml:1:1: error[missing-key]: [specialists] room is missing; it is a room id ("!...") or an alias '
        '("#cases:example.org")',
        "config.toml:1:1: error[missing-key]: [specialists] members is missing; it is a list of entries "
        '{ user = "@who:example.org", master_key = "..." }',
        "config.toml:2:1: error[unknown-key]: [helpline] has no setting 'nam'. Did you mean 'name'?",
        "config.toml:3:1: error[missing-key]: [matrix] has no credential: name a file in password_file or "
        "access_token_file, or set VESTIBULE_MATRIX_PASSWORD or VESTIBULE_MATRIX_ACCESS_TOKEN",
        "config.toml:4:1: error[wrong-value]: [matrix] homeserver must be the address of the bot's homeserver, such as "
        '"https://matrix.example.org" (http:// only on a private network)',
        "config.toml:5:1: error[wrong-value]: [matrix] user_id must be the bot's own Matrix id, such as "
        '"@helpline:example.org"',
        "config.toml:6:1: error[unknown-key]: there is no section [claims]; there are matrix, helpline, specialists, "
        "vetting, flows, store, signal, retention, promise",
        "config.toml:7:1: error[missing-key]: [store] key_file is missing; it is the name of the file of the master "
        "key, which "
        "`vestibule setup` makes",
    ]


@pytest.mark.parametrize(
    ("stray", "hint"),
    [
        ("[matrix]\nhomserver = 1", "[matrix] has no setting 'homserver'. Did you mean 'homeserver'?"),
        ("[vettin]\nx = 1", "there is no section [vettin]. Did you mean 'vetting'?"),
        ("[vetting]\nmembers = 'x'", "[vetting] has no setting 'members'; it belongs in [specialists]"),
        ("[helpline.links]\nname = 'x'", "[helpline.links] has no setting 'name'; it belongs in [helpline]"),
        ("[flows]\ncolour = 'x'", "[flows] has no setting 'colour'; there are path"),
        ("[signl]\nsocket = 'x'", "there is no section [signl]. Did you mean 'signal'?"),
        ("[specialists.silence]\nhours = 1", "[specialists.silence] has no setting 'hours'; there are requester_hours"),
        ("[retention]\ncases = 1", "[retention] has no setting 'cases'. Did you mean 'case'?"),
    ],
)
def test_an_unknown_key_is_met_with_the_likely_one(home: Path, stray: str, hint: str) -> None:
    text = stray if stray.startswith("[matrix]") else f"{WHOLE}\n{stray}"
    assert any(f"error[unknown-key]: {hint}" in line for line in faults(home, text))


def test_a_key_outside_of_every_section_is_sent_home(home: Path) -> None:
    (line,) = faults(home, "before_claim = false\n" + WHOLE)
    assert line == "config.toml:1:1: error[unknown-key]: 'before_claim' stands in no section; it belongs in [vetting]"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('"https://matrix.example.org"', '"http://matrix.example.org"'),
        ('"https://matrix.example.org"', '"https://me:hunter2@matrix.example.org"'),
        ('"https://matrix.example.org"', '"https://matrix.example.org/_matrix"'),
        ('"https://matrix.example.org"', '"https://[::1"'),
        ('"@helpline:example.org"', '"hunter2"'),
        ('"!cases:example.org"', '"hunter2"'),
        ('"@ana:example.org"', '"hunter2"'),
        (f'"{KEY}"', f'"{KEY}="'),
        (f'"{KEY}"', f'"{KEY[:-1]}"'),
        (f'"{KEY}"', f'"{KEY[:-1]}V"'),  # the same 32 bytes, written another way
        (f'"{KEY}"', f'"{KEY[:-1]}-"'),
        ("[{ user", "[[] , { user"),
        ('"vestibule.key"', '"vestibule.key"\nurl = "postgresql://bot:hunter2@host/db"'),
        ('"vestibule.key"', '"vestibule.key"\nurl = "sqlite:///:memory:"'),
    ],
)
def test_a_value_of_the_wrong_form_is_named_but_not_repeated(home: Path, was: str, now: str) -> None:
    assert was in WHOLE
    (line,) = faults(home, WHOLE.replace(was, now))
    assert "error[wrong-value]" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "homeserver", ["http://127.0.0.1:8008", "http://localhost:8008", "http://synapse:8008/", "http://10.0.0.2"]
)
def test_a_homeserver_in_clear_is_taken_where_nobody_else_listens(home: Path, homeserver: str) -> None:
    config = read(home, WHOLE.replace("https://matrix.example.org", homeserver))
    assert config.matrix.homeserver == homeserver.rstrip("/")


@pytest.mark.parametrize(
    "setting",
    [
        "locales = []",
        'locales = ["EN"]',
        'locales = ["xx"]',
        'locales = ["en", "en"]',
        'locales = ["../en"]',
        'locales = "en"',
        "first_response = 0",
        "first_response = true",
        'first_response = "2 hours"',
        'help_address = "help[at]example.org"',
        'name = ""',
        'name = "two\\nlines"',
        'links = { terms = "http://example.org" }',
    ],
)
def test_what_the_texts_could_not_use_is_refused(home: Path, setting: str) -> None:
    (line,) = faults(home, f"[helpline]\n{setting}\n{WHOLE}")
    assert line.startswith("config.toml:2:1: error[wrong-value]: [helpline")


def test_a_domain_with_a_letter_too_many_is_found_by_its_neighbour(home: Path) -> None:
    text = '[helpline]\nhelp_address = "help@accesssnow.org"\nlegal_address = "legal@accessnow.org"\n'
    (line,) = faults(home, text + WHOLE)
    assert line.startswith("config.toml:2:1: error[look-alike]:")


def test_the_key_must_not_lie_beside_what_it_opens(home: Path) -> None:
    (line,) = faults(home, WHOLE.replace('"vestibule.key"', '"data/../data/vestibule.key"'))
    assert "error[key-beside-data]" in line


def test_a_folder_of_flows_that_is_not_there_is_told(home: Path) -> None:
    (line,) = faults(home, WHOLE + '[flows]\npath = "flwos"\n')
    assert "error[bad-file]: [flows] path" in line


class TestStaff:
    def test_leads_are_staff_too(self, home: Path) -> None:
        config = read(
            home, WHOLE.replace("\n[store]", f'\nleads = [{{ user = "@b:e.org", master_key = "{KEY}" }}]\n[store]')
        )
        assert set(config.specialists.staff) == {"@ana:example.org", "@b:e.org"}

    def test_one_person_has_one_master_key(self, home: Path) -> None:
        other = "A" * 43
        text = WHOLE.replace(
            "\n[store]", f'\nleads = [{{ user = "@ana:example.org", master_key = "{other}" }}]\n[store]'
        )
        (line,) = faults(home, text)
        assert "error[two-keys]" in line

    def test_the_bot_is_not_one_of_them(self, home: Path) -> None:
        (line,) = faults(home, WHOLE.replace("@ana:example.org", "@helpline:example.org"))
        assert "error[bot-as-member]" in line

    def test_each_faulty_entry_is_named(self, home: Path) -> None:
        text = WHOLE.replace("members = [", "members = [{ usr = 'x' }, ")
        lines = faults(home, text)
        assert len(lines) == 3
        assert all("[specialists] members, entry 1:" in line for line in lines)

    def test_entries_may_be_tables_of_their_own(self, home: Path) -> None:
        members = f'[[specialists.members]]\nuser = "@ana:example.org"\nmaster_key = "{KEY}"\n'
        config = read(home, MATRIX + '[specialists]\nroom = "#cases:example.org"\n' + members + STORE)
        assert set(config.specialists.staff) == {"@ana:example.org"}


class TestSecrets:
    def test_the_environment_takes_the_place_of_the_file(self, home: Path) -> None:
        assert read(home, WHOLE, VESTIBULE_MATRIX_PASSWORD="other").matrix.credential == Password("other")

    def test_a_token_instead_of_a_password(self, home: Path) -> None:
        text = WHOLE.replace('password_file = "password"', 'access_token_file = "token"')
        assert read(home, text).matrix.credential == AccessToken("syt_token")
        without = WHOLE.replace('password_file = "password"\n', "")
        assert read(home, without, VESTIBULE_MATRIX_ACCESS_TOKEN="t").matrix.credential == AccessToken("t")

    def test_two_credentials_are_one_too_many(self, home: Path) -> None:
        (line,) = faults(home, WHOLE, VESTIBULE_MATRIX_ACCESS_TOKEN="syt_token")
        assert "error[two-credentials]" in line
        assert "syt_token" not in line

    @pytest.mark.parametrize("key", ["password", "access_token"])
    def test_a_secret_in_the_file_itself_is_refused_and_not_repeated(self, home: Path, key: str) -> None:
        (line,) = faults(home, WHOLE.replace("password_file =", f'{key} = "hunter2"\npassword_file ='))
        assert f"[matrix] has no setting '{key}': a secret never stands in this file" in line
        assert "hunter2" not in line

    @pytest.mark.parametrize("content", [None, b"", b"\n", b"two\nlines", b"\xff\xfe"])
    def test_a_file_without_a_usable_secret_is_told_and_its_name_is_not(
        self, home: Path, content: bytes | None
    ) -> None:
        if content is not None:
            (home / "hunter2").write_bytes(content)
        (line,) = faults(home, WHOLE.replace('"password"', '"hunter2"'))
        assert "error[bad-file]: [matrix] password_file" in line
        assert "hunter2" not in line

    def test_no_secret_stands_in_the_repr(self, home: Path) -> None:
        shown = repr(read(home, WHOLE))
        assert "correct horse" not in shown
        assert "@" not in shown.replace("@accessnow", "")


class TestFiles:
    def test_a_missing_file_says_how_to_begin(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"there is no such file\. Begin with a copy of config\.example\.toml"):
            Config.read(tmp_path / "config.toml", {})

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read: is a directory"):
            Config.read(tmp_path, {})

    def test_a_file_in_another_encoding(self, tmp_path: Path) -> None:
        (tmp_path / "config.toml").write_bytes(b"[helpline]\nname = '\xe9'\n")
        with pytest.raises(ConfigError, match="cannot be read: it is not a text in UTF-8"):
            Config.read(tmp_path / "config.toml", {})

    @pytest.mark.parametrize(
        ("text", "place"),
        [("[matrix]\nuser_id = @me\n", "2:11"), ("[matrix\n", "1:8"), ("a = 1\na = 2\n", "2:6"), ('a = """', "1:")],
    )
    def test_invalid_toml_has_its_line_and_column(self, home: Path, text: str, place: str) -> None:
        (line,) = faults(home, text)
        assert line.startswith(f"config.toml:{place}")
        assert "error[bad-toml]: this is not valid TOML: " in line

    @given(st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=12, unique=True))
    def test_no_text_ends_in_anything_but_a_config_error(self, lines: list[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "config.toml"
            path.write_bytes("\n".join(lines).encode())
            with pytest.raises(ConfigError):
                Config.read(path, {})


def test_the_promise_is_said_in_each_language() -> None:
    assert texts_params(Helpline(), "en")["first_response"] == "2 hours"
    assert texts_params(Helpline(), "es")["first_response"] == "2 horas"
    assert texts_params(Helpline(first_response=90), "es")["first_response"] == "90 minutos"
    assert texts_params(Helpline(), "ar")["first_response"] == "ساعتان"


def test_after_how_many_hours_of_silence_staff_are_told(home: Path) -> None:
    for hours, wrong in (("8", False), ("0", True), ("721", True)):
        silence = f"silence = {{ staff_hours = {hours} }}"
        text = WHOLE.replace("[store]", f"{silence}\n[store]")
        if wrong:
            (line,) = faults(home, text)
            assert line.endswith("staff_hours must be a number of hours, from 1 to 720")
        else:
            (home / "config.toml").write_text(text)
            read = Config.read(home / "config.toml", {}).specialists.silence
            assert (read.requester_hours, read.staff_hours) == (24, 8)


def test_how_long_a_case_is_kept_is_said_in_each_language(home: Path) -> None:
    (home / "config.toml").write_text(f"{WHOLE}\n[retention]\ncase = 14\n")
    config = Config.read(home / "config.toml", {})
    assert (config.retention.case, config.retention.vetting) == (14, 30)
    assert config.texts_params("es")["case_kept"] == "2 semanas"
    assert texts_params(Helpline(), "en")["case_kept"] == "90 days"


def test_every_placeholder_has_its_value() -> None:
    helpline = Helpline(links={"terms": "https://example.org/terms"})
    params = texts_params(helpline, "en")
    assert params["link_terms"] == "https://example.org/terms"
    assert params["link_guides"] == params["help_address"] == ""
    assert set(params) == {
        "name", "help_address", "legal_address", "general_address", "first_response", "case_kept",
        "link_eligibility", "link_first_steps", "link_guides", "link_services", "link_terms", "link_grants",
        "link_contact",
    }  # fmt: skip


LEADS = f'\nleads = [{{ user = "@lea:example.org", master_key = "{KEY}" }}]\n'


def with_specialists(lines: str) -> str:
    return MATRIX + SPECIALISTS + lines + STORE


def test_without_a_ladder_people_are_called_at_half_three_quarters_and_the_whole_of_the_promise(home: Path) -> None:
    config = read(home, "[helpline]\nfirst_response = 60\n" + WHOLE)
    assert [rung.after / timedelta(minutes=1) for rung in config.promise.ladder] == [30, 45, 60]
    assert config.promise.first_response == timedelta(hours=1)


def test_a_ladder_of_ones_own_is_taken_as_it_stands(home: Path) -> None:
    config = read(home, WHOLE + '[promise]\nladder = [{ after = 10, call = ["leads", "directors"] }]')
    assert config.promise.ladder == (Rung(timedelta(minutes=10), (Call.LEADS, Call.DIRECTORS)),)


def test_the_shifts_stand_beside_the_leads_with_their_clock(home: Path) -> None:
    shift = 'shifts = [{ from = "22:00", to = "06:00", days = ["friday"], leads = ["@lea:example.org"] }]\n'
    promise = read(home, with_specialists(LEADS + 'timezone = "Europe/Berlin"\n' + shift)).promise
    assert promise.shifts == (Shift(time(22), time(6), frozenset({"@lea:example.org"}), frozenset({4})),)
    assert str(promise.zone) == "Europe/Berlin"


def test_directors_are_staff(home: Path) -> None:
    config = read(home, with_specialists(LEADS.replace("leads", "directors")))
    assert set(config.specialists.staff) == {"@ana:example.org", "@lea:example.org"}


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ('shifts = [{ from = "8:00", to = "16:00", leads = ["@lea:example.org"] }]', "wrong-value"),
        ('shifts = [{ from = "08:00", to = "24:00", leads = ["@lea:example.org"] }]', "wrong-value"),
        ('shifts = [{ from = "08:00", leads = ["@lea:example.org"] }]', "missing-key"),
        ('shifts = [{ from = "08:00", to = "16:00" }]', "missing-key"),
        ('shifts = [{ from = "08:00", to = "16:00", leads = ["@ana:example.org"] }]', "unlisted-lead"),
        ('shifts = [{ from = "08:00", to = "16:00", leads = ["@lea:example.org"], days = ["mo"] }]', "wrong-value"),
        ('timezone = "Mars/Olympus"', "wrong-value"),
        ('timezone = "../../etc/passwd"', "wrong-value"),
        ('timezone = ""', "wrong-value"),
    ],
)
def test_a_shift_that_cannot_be_is_told_at_its_place(home: Path, lines: str, fault: str) -> None:
    (line,) = faults(home, with_specialists(f"{LEADS}{lines}\n"))
    assert line.startswith(f"config.toml:12:1: error[{fault}]: [specialists]")
    assert "Olympus" not in line


@pytest.mark.parametrize(
    ("ladder", "fault"),
    [
        ('[{ after = 60, call = ["leads"] }, { after = 30, call = ["everyone"] }]', "wrong-order"),
        ('[{ after = 60, call = ["leads"] }, { after = 60, call = ["everyone"] }]', "wrong-order"),
        ('[{ after = 0, call = ["leads"] }]', "wrong-value"),
        ('[{ call = ["leads"] }]', "missing-key"),
        ('[{ after = 60, call = ["boss"] }]', "wrong-value"),
        ("[{ after = 60, call = [] }]", "wrong-value"),
        ("[{ after = 60 }]", "missing-key"),
        ("60", "wrong-value"),
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_told(home: Path, ladder: str, fault: str) -> None:
    (line,) = faults(home, f"{WHOLE}[promise]\nladder = {ladder}")
    assert f"error[{fault}]: [promise] ladder" in line
