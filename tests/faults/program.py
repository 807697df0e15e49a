"""The program itself as a client: `argus ask` in a process of its own, which is killed in the middle of an answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from argus_core.ids import new_id
from tests.faults.cluster import PASSWORD, Cluster
from tests.faults.witness import LONG_S, Account, Asked, Witness


@dataclass
class Program:
    """One person's machine: `argus`, signed in to one replica."""

    cluster: Cluster
    account: Account
    port: int
    folder: Path
    asked: int = 0
    env: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        home = self.folder / new_id()
        home.mkdir()
        kept = {name: value for name, value in self.cluster.settings.items() if name in ("PATH", "LANG", "PYTHONPATH")}
        self.env = kept | {
            "HOME": str(home),
            "ARGUS_DATA_DIR": str(home / "data"),
            "ARGUS_CONFIG_DIR": str(home / "config"),
            "ARGUS_KEYRING": "false",
            "ARGUS_SERVER": f"http://127.0.0.1:{self.port}",
        }

    async def sign_in(self) -> None:
        """Keep a session, as `argus login` does."""
        await self.run("login", "--email", self.account.email, "--password-stdin", typed=f"{PASSWORD}\n")

    async def run(self, *arguments: str, typed: str = "") -> str:
        """Run a command to its end and return what it wrote."""
        process = await self._spawn(arguments, asyncio.subprocess.PIPE)
        async with asyncio.timeout(LONG_S):
            out, _ = await process.communicate(typed.encode())
        assert process.returncode == 0, out.decode()
        return out.decode()

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command that is given nothing to read: what is piped in would belong to the question."""
        return await self._spawn(arguments, asyncio.subprocess.DEVNULL)

    async def _spawn(self, arguments: Sequence[str], stdin: int) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "argus_tui", *arguments, env=self.env, stdin=stdin, stdout=pipe, stderr=pipe
        )

    async def ask_and_die(self, *, words: int, rate: int, after_words: int) -> tuple[str, Asked] | None:
        """Ask, be killed when so many words of the answer stand on the screen, and return them with the question.

        Returns:
            None when the question had not got through: then nobody was told that it had.
        """
        name = f"{self.account.mark}.{new_id()[:6]}.program"
        process = await self.start("ask", "--model", f"echo-{words}-{rate}", f"{name} please")
        assert process.stdout is not None
        shown = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONG_S):
                while shown.count(b" ") < after_words and (piece := await process.stdout.read(4096)):
                    shown += piece
        with suppress(ProcessLookupError):
            process.kill()
        rest, _ = await process.communicate()
        expected = "".join(f"{name}-{n} " for n in range(1, words + 1))
        found = self._find(f"{name} please", expected)
        assert found is not None or not shown, "it showed an answer to a question that is not there"
        return None if found is None else ((shown + rest).decode(), found)

    def _find(self, text: str, expected: str) -> Asked | None:
        """Return the question as the database has it."""
        part = text.partition(" ")[0]
        question = self.cluster.db.messages.find_one(
            {"user_id": self.account.user_id, "parts": {"$regex": f'"{part} '}}
        )
        if question is None:
            return None
        reply = self.cluster.db.messages.find_one({"parent_id": question["_id"]})
        assert reply is not None
        asked = Asked(self.account.user_id, question["conversation_id"], question["client_msg_id"], text, expected)
        asked.generation_id, asked.reply_id, asked.acknowledged = reply["generation_id"], reply["_id"], 1
        return asked


async def go_on_elsewhere(program: Program, shown: str, asked: Asked) -> Witness:
    """Read, as another client does, the answer that a killed one began to read; return the witness of it."""
    witness = Witness(program.account, id=asked.conversation_id, asked=[asked])
    await witness.read(asked)
    if not asked.shown.startswith(shown.rstrip("\n")):
        asked.wrong.append(f"the killed program had shown {shown[-80:]!r}, which is not what the answer says")
    return witness
