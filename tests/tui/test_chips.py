from argus_tui.widgets.chips import AttachmentChip
from argus_tui.widgets.composer import Composer
from tests.tui.widget_support import Bare


async def test_a_chip_shows_name_and_size_and_is_removed_with_delete() -> None:
    chip = AttachmentChip("7", "ticket.png", 88_000)
    app = Bare(chip)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.shown(chip) == [" ▣ ticket.png 88 kB  ✕"]
        chip.focus()
        await pilot.press("delete")
        assert [event.attachment_id for event in app.seen(AttachmentChip.RemoveRequested)] == ["7"]


async def test_a_click_on_the_cross_removes_and_one_on_the_name_does_not() -> None:
    chip = AttachmentChip("7", "ticket.png", 88_000)
    app = Bare(chip)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.click(chip, offset=(4, 0))
        assert app.seen(AttachmentChip.RemoveRequested) == []
        await pilot.click(chip, offset=(chip.region.width - 2, 0))
        assert len(app.seen(AttachmentChip.RemoveRequested)) == 1


async def test_states_are_told_in_words() -> None:
    chip = AttachmentChip("7", "roof\x1b[2J.jpg", checking=True)
    app = Bare(chip)
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.shown(chip) == [" ▣ roof.jpg checking  ✕"]
        chip.checking, chip.refused = False, "it is no picture"
        await pilot.pause()
        assert app.shown(chip) == [" ! roof.jpg it is no picture  ✕"]
        assert chip.has_class("-refused")


async def test_chips_wrap_above_the_text() -> None:
    composer = Composer()
    app = Bare(composer)
    async with app.run_test(size=(60, 24)) as pilot:
        for number in range(3):
            composer.add_chip(AttachmentChip(str(number), f"picture number {number}.png", 88_000))
        composer.draft = "text"
        await pilot.pause()
        rows = [chip.region.y for chip in composer.chips]
        assert rows[0] < rows[-1]
        assert all(chip.region.right <= composer.region.right - 2 for chip in composer.chips)
        composer.remove_chip("0")
        await pilot.pause()
        assert [chip.attachment_id for chip in composer.chips] == ["1", "2"]
        composer.clear_chips()
        await pilot.pause()
        assert composer.region.height == 3
