"""`make screens`: plays every story in the real program and draws it to `docs/screens/NAME.png`.

python -m benchmarks.screens [BEGIN OF A NAME]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.screens import fixed  # before everything of Argus, which asks for the clock while it is loaded
from benchmarks.screens.fonts import NoFonts
from benchmarks.screens.stage import open_app, open_stage
from benchmarks.screens.stories import STORIES, Story
from benchmarks.screens.team import Place

OUT = Path(__file__).resolve().parents[2] / "docs" / "screens"


async def draw(story: Story, folder: Path) -> None:
    """Play a story and write its picture."""
    fixed.start_again()
    os.environ["COLORTERM"] = "" if story.few else "truecolor"
    place = Place() if story.team else None
    if place is not None:
        place.entrance.inside = story.team == "inside"
    async with open_stage(folder, key=story.key, place=place) as stage:
        await story.prepare(stage)
        async with open_app(stage, (story.columns, story.rows), story.theme) as screen:
            await story.play(stage, screen)
            picture = await screen.picture(few=story.few)
    picture.save(OUT / f"{story.name}.png", optimize=True)


def main() -> int:
    """Draw all, or those whose name begins with the argument; return the exit code."""
    part = sys.argv[1] if len(sys.argv) > 1 else ""
    OUT.mkdir(parents=True, exist_ok=True)
    failed = 0
    for story in STORIES:
        if not story.name.startswith(part):
            continue
        with tempfile.TemporaryDirectory(prefix="argus-screens-") as folder:
            try:
                asyncio.run(draw(story, Path(folder)))
                print(f"docs/screens/{story.name}.png", flush=True)
            except TimeoutError as error:
                print(f"{story.name}: {error}", file=sys.stderr)
                failed += 1
            except NoFonts as error:
                sys.exit(str(error))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
