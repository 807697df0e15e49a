from collections.abc import Sequence
from typing import Any

from argus_core.domain import ModelInfo
from argus_core.errors import ProviderUnavailable
from argus_tui.screens.model_rows import price, squares, takes
from argus_tui.screens.pick_model import PickModel
from tests.tui.widget_support import Bare


def model(name: str, usd: tuple[float, float] | None = (0.3, 2.5), **more: Any) -> ModelInfo:
    low, high = usd or (None, None)
    return ModelInfo(
        id=name, name=name, provider="gemini", input_usd_per_million=low, output_usd_per_million=high, **more
    )


FLASH = model("gemini-flash-latest", description="Quick and cheap.", input_token_limit=1_048_576, takes_images=True)
PRO = model("gemini-pro-latest", (1.25, 10.0), input_token_limit=1_048_576)
LOCAL = ModelInfo(id="smollm2-135m", name="s", provider="local", input_usd_per_million=0.0, output_usd_per_million=0.0)


class Client:
    def __init__(self, models: Sequence[ModelInfo]) -> None:
        self.found: Sequence[ModelInfo] | None = models
        self.default: str | None = None

    @property
    def models(self) -> "Client":
        return self

    async def list(self) -> Sequence[ModelInfo]:
        if self.found is None:
            raise ProviderUnavailable("Set HTTPS_PROXY.")
        return self.found

    async def set_default(self, name: str) -> None:
        self.default = name


async def opened(app: Bare, client: Any, results: list[str | None], current: str = "gemini-pro-latest") -> PickModel:
    screen = PickModel(client, current=current, spent="This conversation so far: 41,200 tokens.")
    await app.push_screen(screen, results.append)
    await screen.workers.wait_for_complete()
    return screen


def test_what_a_model_takes_and_costs_in_words() -> None:
    assert [takes(FLASH), takes(PRO), takes(LOCAL)] == ["text pictures", "text", "text, offline"]
    assert [price(None), price(0.0), price(2.5)] == ["?", "free", "2.50"]
    assert [squares(LOCAL), squares(FLASH), squares(PRO), squares(model("x", None))] == [0, 2, 4, 0]


async def test_the_table_begins_on_the_model_of_now() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, Client([FLASH, PRO, LOCAL]), results)
        await pilot.pause()
        shown = app.shown()
        here = next(line for line in shown if "▌" in line)
        assert here.split() == ["▌", "gemini-pro-latest", "text", "1M", "1.25", "10.00", "▪▪▪▪", "now"]
        assert any("41,200 tokens" in line for line in shown)
        await pilot.press("up", "enter")
    assert results == ["gemini-flash-latest"]


async def test_it_fits_80_columns() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, Client([FLASH, PRO, LOCAL]), results)
        await pilot.pause()
        shown = "\n".join(app.shown())
        assert "10.00   ▪▪▪▪  now" in shown
        assert "esc keep" in shown


async def test_typing_filters_and_ctrl_d_makes_it_the_default() -> None:
    app, results, client = Bare(), list[str | None](), Client([FLASH, PRO, LOCAL])
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(app, client, results)
        await pilot.press(*"smol")
        await pilot.pause()
        assert not any("gemini-flash" in line for line in app.shown())
        await pilot.press("ctrl+d")
        await screen.workers.wait_for_complete()
        await pilot.pause()
    assert client.default == "smollm2-135m"
    assert results == ["smollm2-135m"]


async def test_a_name_nobody_has_is_said_and_enter_keeps() -> None:
    app, results = Bare(), list[str | None]()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, Client([FLASH]), results)
        await pilot.press(*"zz", "enter")
        await pilot.pause()
        assert any("No model has this in its name." in line for line in app.shown())
        await pilot.press("escape")
    assert results == [None]


async def test_a_failure_is_told_and_can_be_tried_again() -> None:
    app, results, client = Bare(), list[str | None](), Client([FLASH])
    found, client.found = client.found, None
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await opened(app, client, results)
        await pilot.pause()
        assert any("Gemini cannot be reached. Set HTTPS_PROXY." in line for line in app.shown())
        client.found = found
        await pilot.press("f5")
        await screen.workers.wait_for_complete()
        await pilot.pause()
        assert any("gemini-flash-latest" in line for line in app.shown())
