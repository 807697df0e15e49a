"""Settings: where they come from, what is refused, what is shown."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from argus_core.errors import ConfigError
from argus_core.settings import (
    LoadedSettings,
    Secret,
    Settings,
    config_dir,
    data_dir,
    data_path,
    describe,
    env_example,
    home_folder,
    load_settings,
    working_folder,
)
from argus_core.settings.fields import DECLARED

ROOT = Path(__file__).parents[2]
KEY = "AIzaSy-very-secret"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config").mkdir(mode=0o700)
    return tmp_path


def load(folder: Path, overrides: dict[str, object] | None = None, /, **environ: str) -> LoadedSettings:
    return load_settings(overrides, environ={"ARGUS_CONFIG_DIR": str(folder / "config"), **environ}, cwd=folder)


def write_toml(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "config" / "config.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_nothing_set_gives_the_defaults(folder: Path) -> None:
    loaded = load(folder)
    assert loaded.settings == Settings(config_dir=folder / "config")
    assert loaded.sources["model"] == "default"
    assert loaded.sources["config_dir"] == "environment ARGUS_CONFIG_DIR"


def test_first_source_wins_and_is_named(folder: Path) -> None:
    toml = write_toml(folder, 'model = "toml"\ntheme = "toml"\ntitles = "words"\nread_timeout_s = 7\n')
    (folder / ".env").write_text("ARGUS_MODEL=dotenv\nARGUS_THEME=dotenv\nARGUS_TITLE_MODEL=dotenv\n")
    loaded = load(folder, {"model": "line", "theme": None}, ARGUS_MODEL="env", ARGUS_THEME="env")
    settings, sources = loaded.settings, loaded.sources
    assert (settings.model, sources["model"]) == ("line", "command line")
    assert (settings.theme, sources["theme"]) == ("env", "environment ARGUS_THEME")
    assert (settings.title_model, sources["title_model"]) == ("dotenv", ".env")
    assert (settings.titles, sources["titles"]) == ("words", str(toml))
    assert settings.read_timeout_s == 7.0


def test_text_becomes_the_type_of_the_field(folder: Path) -> None:
    settings = load(
        folder,
        ARGUS_THOUGHTS="off",
        ARGUS_MAX_OUTPUT_TOKENS="100",
        ARGUS_CONNECT_TIMEOUT_S="2.5",
        ARGUS_DATA_DIR="data",
        ARGUS_LOCAL_MODEL="~/model.gguf",
        GOOGLE_GEMINI_BASE_URL="http://127.0.0.1:8080/x",
    ).settings
    assert settings.thoughts is False
    assert settings.max_output_tokens == 100
    assert settings.connect_timeout_s == 2.5
    assert settings.data_dir == folder / "data"
    assert settings.local_model == Path.home() / "model.gguf"
    assert settings.gemini_base_url == "http://127.0.0.1:8080/x"


def test_paths_in_the_toml_file_start_from_its_folder(folder: Path) -> None:
    write_toml(folder, 'data_dir = "store"')
    assert load(folder).settings.data_dir == folder / "config" / "store"


def test_empty_value_means_not_set(folder: Path) -> None:
    assert load(folder, ARGUS_MODEL="", GEMINI_API_KEY=" ").settings.model == "gemini-flash-latest"


@pytest.mark.parametrize(
    "environ",
    [
        {"GEMINI_API_KEY": KEY, "GOOGLE_API_KEY": "other", "GEMINI_API_KEY_FILE": "other"},
        {"GEMINI_API_KEY_FILE": "key", "GOOGLE_API_KEY": "other"},
        {"GOOGLE_API_KEY": KEY},
    ],
)
def test_key_is_found_under_each_name_and_the_strongest_wins(folder: Path, environ: dict[str, str]) -> None:
    for name in ("key", "other"):
        (folder / name).write_text(f"{KEY if name == 'key' else 'other'}\n")
    if "GEMINI_API_KEY_FILE" in environ:
        environ = {**environ, "GEMINI_API_KEY_FILE": str(folder / environ["GEMINI_API_KEY_FILE"])}
    assert load(folder, **environ).settings.gemini_api_key == Secret(KEY)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"ARGUS_THOUGHTS": "perhaps"}, "ARGUS_THOUGHTS holds 'perhaps'; it takes true or false."),
        ({"ARGUS_TITLES": "maybe"}, "ARGUS_TITLES holds 'maybe'; it takes auto or words."),
        ({"ARGUS_MAX_OUTPUT_TOKENS": "-1"}, "it takes a whole number above 0."),
        ({"ARGUS_MAX_OUTPUT_TOKENS": "many"}, "it takes a whole number."),
        ({"ARGUS_READ_TIMEOUT_S": "nan"}, "it takes seconds, above 0 and at most 86400."),
        ({"ARGUS_READ_TIMEOUT_S": "soon"}, "it takes a number."),
        ({"GOOGLE_GEMINI_BASE_URL": "ftp://host"}, "it takes an address such as https://host/path"),
        ({"GOOGLE_GEMINI_BASE_URL": "https://[broken"}, "it takes an address"),
        ({"GOOGLE_GEMINI_BASE_URL": "https://host:notaport"}, "it takes an address"),
        ({"GOOGLE_GENAI_API_VERSION": "../v1"}, "it takes letters and digits such as v1beta."),
        ({"ARGUS_MODEL": "two words"}, "it takes the name of a model, without spaces."),
        ({"ARGUS_DATA_DIR": "~nobody-of-this-name/x"}, "the user after ~ is not known."),
        ({"ARGUS_MODLE": "x"}, "There is no setting 'ARGUS_MODLE' (in the environment); did you mean ARGUS_MODEL?"),
        ({"ARGUS_ZZZZZZ": "x"}, "`argus doctor` lists all there are."),
        ({"ARGUS_THEME": "\x1b[31m"}, r"holds '\x1b[31m'; it takes text on one line."),
        ({"GEMINI_API_KEY_FILE": "/nonexistent/key"}, "which cannot be read: No such file or directory."),
    ],
)
def test_wrong_value_is_told_in_one_line(folder: Path, environ: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, **environ)
    assert words in caught.value.hint
    assert "\n" not in caught.value.hint
    assert "\x1b" not in caught.value.hint


@pytest.mark.parametrize("key", ["two words-" + KEY, KEY + "\nX-Header: 1", KEY + "ü"])
def test_wrong_key_is_refused_without_being_shown(folder: Path, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(folder, GEMINI_API_KEY=key)
    assert caught.value.hint.startswith("GEMINI_API_KEY holds ****; it takes a key")
    assert KEY not in repr(caught.value)


def test_names_of_others_and_of_tests_are_left_alone(folder: Path) -> None:
    (folder / ".env").write_text("DATABASE_URL=x\nEMPTY\n")
    load(folder, ARGUS_TEST_MONGO_URI="mongodb://h", MONGO_URI="mongodb://h", PORT="80", _ARGUS_COMPLETE="bash_source")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('modle = "x"', "There is no setting 'modle'"),
        ("theme = 5", "it takes text on one line."),
        ("thoughts = 1.5", "it takes true or false."),
        ("max_output_tokens = true", "it takes a whole number."),
        ("titles = []", "holds []; it takes auto or words."),
        ("model =", "cannot be read: Invalid value"),
        ('config_dir = "x"', "There is no setting 'config_dir'"),
    ],
)
def test_wrong_toml_is_refused_and_the_file_is_named(folder: Path, text: str, words: str) -> None:
    path = write_toml(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(folder)
    assert words in caught.value.hint
    assert str(path) in caught.value.hint


def test_key_in_a_toml_file_that_others_can_read_is_refused(folder: Path) -> None:
    path = write_toml(folder, f'gemini_api_key = "{KEY}"', mode=0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        load(folder)
    path.chmod(0o600)
    assert load(folder).settings.gemini_api_key == Secret(KEY)


def test_dotenv_of_a_strange_folder_cannot_send_the_key_away(folder: Path) -> None:
    (folder / ".env").write_text("GOOGLE_GEMINI_BASE_URL=https://evil.example\n")
    for environ in ({}, {"GEMINI_API_KEY": KEY}):
        with pytest.raises(ConfigError, match="would send your key there"):
            load(folder, **environ)
    (folder / ".env").write_text(f"GOOGLE_GEMINI_BASE_URL=https://mine.example\nGEMINI_API_KEY={KEY}\n")
    assert load(folder).settings.gemini_base_url == "https://mine.example"


@pytest.mark.parametrize("line", ["ARGUS_CONFIG_DIR=here", "GEMINI_API_KEY_FILE=/etc/hostname", "ARGUS_MODLE=x"])
def test_dotenv_refuses_what_belongs_to_the_environment(folder: Path, line: str) -> None:
    (folder / ".env").write_text(line + "\n")
    with pytest.raises(ConfigError):
        load(folder)


def test_unknown_name_on_the_command_line_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean model"):
        load(folder, {"modell": "x"})


def test_description_masks_secrets_and_names_sources(folder: Path) -> None:
    loaded = load(folder, GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL="https://me:pass@host/")
    lines = describe(loaded)
    assert [line.name for line in lines] == [declared.env for declared in DECLARED.values()]
    assert KEY not in repr(lines)
    assert "pass" not in repr(lines)
    assert KEY not in repr(loaded)
    shown = {line.name: line for line in lines}
    assert shown["GEMINI_API_KEY"][1:3] == ("****", "environment GEMINI_API_KEY")
    assert shown["GOOGLE_GEMINI_BASE_URL"].value == "https://****@host/"
    assert shown["ARGUS_THEME"].value == "not set"
    assert shown["ARGUS_THOUGHTS"].value == "true"


def test_env_example_names_every_setting_and_is_up_to_date(folder: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == env_example(), "write argus_core.settings.env_example() to .env.example"
    for declared in DECLARED.values():
        assert f"\n# {declared.env}=" in text
        assert declared.doc in text


def test_env_example_with_all_lines_taken_gives_the_defaults(folder: Path) -> None:
    taken = [
        line[2:] for line in env_example().splitlines() if line.startswith("# ") and line[2:].split("=")[0].isupper()
    ]
    (folder / ".env").write_text("\n".join(taken))
    assert load(folder).settings == Settings(config_dir=folder / "config")


def test_folders_are_made_for_the_user_alone(folder: Path) -> None:
    settings = Settings(data_dir=folder / "a" / "data", config_dir=folder / "b")
    for made in (data_dir(settings), config_dir(settings)):
        assert made.is_dir()
        assert made.stat().st_mode & 0o777 == 0o700


def test_folder_that_cannot_be_made_or_is_open_to_all_is_refused(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(ConfigError, match="ARGUS_DATA_DIR"):
        data_dir(Settings(data_dir=folder / "file" / "data"))
    (folder / "open").mkdir()
    (folder / "open").chmod(0o777)
    with pytest.raises(ConfigError, match="chmod 700"):
        data_dir(Settings(data_dir=folder / "open"))


def test_folder_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        config_dir(Settings(config_dir=folder / "config"))


def test_importing_settings_loads_no_library() -> None:
    heavy = "{'tomllib', 'dotenv', 'platformdirs', 'pydantic', 'difflib', 'asyncio', 'logging'}"
    code = f"import sys, argus_core.settings; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# Where it runs


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe"], ids=["UTF-8", "UTF-16"])
def test_a_byte_order_mark_is_read_over(folder: Path, mark: bytes) -> None:
    encoding = "utf-8" if mark == b"\xef\xbb\xbf" else "utf-16-le"
    write_toml(folder, "").write_bytes(mark + 'model = "toml"\r\n'.encode(encoding))
    (folder / ".env").write_bytes(mark + "ARGUS_THEME=dotenv\r\n".encode(encoding))
    (folder / "key").write_bytes(mark + f"{KEY}\r\n".encode(encoding))
    settings = load(folder, GEMINI_API_KEY_FILE=str(folder / "key")).settings
    assert (settings.model, settings.theme, settings.gemini_api_key) == ("toml", "dotenv", Secret(KEY))


def test_what_is_no_text_is_told_without_its_words(folder: Path) -> None:
    (folder / "key").write_bytes(f"{KEY}\xe9".encode("latin-1"))
    with pytest.raises(ConfigError, match="it is not text in UTF-8") as caught:
        load(folder, GEMINI_API_KEY_FILE=str(folder / "key"))
    assert KEY not in str(caught.value)


def test_a_folder_in_the_place_of_a_file(folder: Path) -> None:
    (folder / ".env").mkdir()  # as some call their virtual environment
    assert load(folder).settings.model == Settings().model
    (folder / "config" / "config.toml").mkdir()
    with pytest.raises(ConfigError, match="Is a directory"):
        load(folder)


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the user the home, and the entry of the password file that names one."""
    monkeypatch.delenv("HOME")
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_entry(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", no_entry)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_one_folder_is_enough(folder: Path) -> None:
    settings = load_settings(environ={}, cwd=folder).settings
    for place in (data_dir, config_dir):
        with pytest.raises(ConfigError, match="HOME, or ARGUS_DATA_DIR"):
            place(settings)
    (folder / "config.toml").write_text('model = "toml"')
    settings = load_settings(environ={"ARGUS_DATA_DIR": str(folder)}, cwd=folder).settings
    assert (settings.model, data_dir(settings), config_dir(settings)) == ("toml", folder, folder)
    assert home_folder() is None


@pytest.mark.usefixtures("homeless")
def test_a_dotenv_brings_no_configuration_to_who_has_no_home(folder: Path) -> None:
    (folder / ".env").write_text(f"ARGUS_DATA_DIR={folder}\n")
    (folder / "config.toml").write_text('model = "toml"')
    assert load_settings(environ={}, cwd=folder).settings.model == Settings().model


def test_a_home_that_is_no_path_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    for home in ("", "relative"):
        monkeypatch.setenv("HOME", home)
        found = data_path(Settings())
        assert found is None or found.is_absolute()


def test_a_working_folder_that_is_gone_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    (folder / "gone").rmdir()
    with pytest.raises(ConfigError) as caught:
        working_folder()
    assert caught.value.title == "The folder you are in is gone"
