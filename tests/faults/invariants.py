"""What must hold after every fault, read from MongoDB itself and from what the witnesses saw.

The numbers are those of the ten promises: 1 an acknowledged message is there once; 2 one message for each
`client_msg_id`; 3 shown = log = stored, numbers without gaps; 4 one terminator, the last event, and `completed` means
the whole text; 5 nothing runs whose owner is gone; 6 charged once, nothing held at rest; 7 every blob is there and
whole; 8 no byte of another user; 9 no budget is passed; 10 delete and undo leave everything as it was.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.cluster import Cluster
from tests.faults.witness import TERMINATORS, Account, Asked, Witness, text_of

ENDED_WITHIN_S = 5.0
"""How long after the death of its owner an answer may still be called running."""
REFUSED: dict[str, Any] = {"role": "assistant", "status": "failed", "parts": "[]", "usage": None}
"""Answers that Gemini refused before anything came: nobody is charged for them."""
_LOOK_S = 0.1
Json = dict[str, Any]


@dataclass
class Found:
    """What was found; empty when all promises were kept."""

    violations: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    orphaned_holds: int = 0
    """Set aside for a question that a crash kept from being stored: freed after an hour, charged to nobody."""

    blobs: int = 0
    """Pictures that were looked at."""

    def say(self, promise: int, what: str) -> None:
        self.violations.append(f"({promise}) {what}")


async def check(
    cluster: Cluster, witnesses: Sequence[Witness], *, caps: Json | None = None, holds_may_be_left: bool = False
) -> Found:
    """Check every promise at rest.

    Args:
        cluster: All its servers run.
        witnesses: Who asked and read; nobody else did in their names.
        caps: The budget of each user's day, such as `{"requests": 10}`.
        holds_may_be_left: A crash may have stood between setting aside and storing: that is freed after an hour.
    """
    found = Found()
    accounts = {each.account.user_id: each.account for each in witnesses}
    await _check_at_rest(cluster, accounts, found)
    for witness in witnesses:
        for asked in witness.asked:
            _check_answer(cluster, asked, found)
    for user_id, account in accounts.items():
        _check_user(cluster, account, user_id, found)
        _check_usage(cluster, user_id, caps or {}, found)
    if found.orphaned_holds and not holds_may_be_left:
        found.say(6, f"{found.orphaned_holds} answers that were never stored are still held")
    _check_blobs(cluster, accounts, found)
    for witness in witnesses:
        await _check_undo(witness, found)
    found.violations += [f"(a bug) {line}" for line in cluster.bugs()]
    return found


async def _check_at_rest(cluster: Cluster, accounts: Iterable[str], found: Found) -> None:
    """5: nothing runs, though some may just be ending."""
    running: Json = {"user_id": {"$in": list(accounts)}, "status": "running"}
    for _ in range(int(ENDED_WITHIN_S / _LOOK_S)):
        if not cluster.db.generations.count_documents(running):
            break
        await asyncio.sleep(_LOOK_S)
    for each in cluster.db.generations.find(running):
        found.say(5, f"generation {each['_id']} of {each['owner']} still runs")


def _check_answer(cluster: Cluster, asked: Asked, found: Found) -> None:
    for wrong in asked.wrong:
        found.say(3, wrong)
    sent = cluster.db.messages.count_documents({"client_msg_id": asked.client_msg_id})
    if asked.acknowledged and sent != 1:
        found.say(1, f"question {asked.client_msg_id} is there {sent} times")
    generation = cluster.db.generations.find_one({"_id": asked.generation_id})
    reply = cluster.db.messages.find_one({"_id": asked.reply_id})
    if generation is None or reply is None:
        found.say(1, f"the answer {asked.generation_id} to an acknowledged question is gone")
        return
    found.statuses[generation["status"]] += 1
    log = log_of(cluster, asked.generation_id, found)
    _check_log(asked, log, generation, reply, found)


def log_of(cluster: Cluster, generation_id: str, found: Found) -> list[Json]:
    """Return the events of a log, in the order of their numbers; every slot must be held once."""
    events: list[Json] = []
    for piece in cluster.db.generation_events.find({"generation_id": generation_id}).sort("first", 1):
        if piece["first"] != len(events) + 1 or piece["last"] - piece["first"] + 1 != len(piece["events"]):
            found.say(3, f"the log of {generation_id} has a gap or an overlap at {piece['first']}")
        events += [json.loads(each) for each in piece["events"]]
    return events


def _check_log(asked: Asked, log: list[Json], generation: Json, reply: Json, found: Found) -> None:
    who = f"{asked.generation_id} ({asked.text})"
    text = "".join(event["text"] for event in log if event["type"] == "text_delta")
    stored = text_of(json.loads(reply["parts"]))
    seen = [asked.events[n] for n in sorted(asked.events)]
    if seen != log[: len(seen)] or (asked.ended and len(seen) != len(log)):
        found.say(3, f"{who}: {len(seen)} events shown, {len(log)} in the log, or they differ")
    if text != stored:
        found.say(3, f"{who}: {len(text)} characters in the log, {len(stored)} in the message")
    ends = [n for n, event in enumerate(log, 1) if event["type"] in TERMINATORS]
    if ends != [len(log)]:
        found.say(4, f"{who}: terminators at {ends} of {len(log)} events")
    elif not log[-1]["type"] == generation["status"] == reply["status"]:
        found.say(4, f"{who}: log {log[-1]['type']}, generation {generation['status']}, message {reply['status']}")
    if generation["status"] == "completed" and text != asked.expected:
        found.say(4, f"{who}: completed, but {len(text)} characters of {len(asked.expected)}")
    if not asked.expected.startswith(text):
        found.say(4, f"{who}: it does not say what was answered")


def _check_user(cluster: Cluster, account: Account, user_id: str, found: Found) -> None:
    """2 and 8, and that the conversations say so."""
    names = Counter[str]()
    for message in cluster.db.messages.find({"user_id": user_id}):
        account.look_at(message["parts"].encode())
        if message["client_msg_id"] is not None:
            names[f"{message['conversation_id']}/{message['client_msg_id']}"] += 1
    for name, count in names.items():
        if count > 1:
            found.say(2, f"{count} messages {name}")
    if account.strangers:
        found.say(8, f"{account.email} got bytes of {sorted(account.strangers)}")
    for each in cluster.db.conversations.find({"user_id": user_id}):
        ended = cluster.db.generations.count_documents({"conversation_id": each["_id"]})
        if each["open"] or each["unread"] != ended:
            found.say(5, f"conversation {each['_id']}: {each['open']} run, {each['unread']} of {ended} unread")
        if each["head_id"] and cluster.db.messages.find_one({"_id": each["head_id"]}) is None:
            found.say(1, f"the head of conversation {each['_id']} is gone")


def _check_usage(cluster: Cluster, user_id: str, caps: Json, found: Found) -> None:
    """6 and 9."""
    generations = {each["_id"] for each in cluster.db.generations.find({"user_id": user_id}, {"_id": 1})}
    days = list(cluster.db.usage_days.find({"user_id": user_id}))
    charged = sum(day["used"]["requests"] for day in days)
    free = cluster.db.messages.count_documents({"user_id": user_id} | REFUSED)
    if charged != len(generations) - free:
        found.say(6, f"{user_id} was charged for {charged} answers and had {len(generations)}, {free} of them refused")
    _check_tokens(cluster, user_id, days, found)
    for day in days:
        held = [each["generation_id"] for each in day["holds"]]
        found.orphaned_holds += len(held)
        found.violations += [f"(6) {each} has ended and is still held" for each in held if each in generations]
        for name, cap in caps.items():
            total = day["used"][name] + sum(each[name] for each in day["holds"])
            if total > cap:
                found.say(9, f"{user_id} used {total} {name} of {cap} on {day['day']}")


def _check_tokens(cluster: Cluster, user_id: str, days: list[Json], found: Found) -> None:
    """6: what the provider said is charged; what it did not get to say is estimated, but never nothing or negative."""
    said, unsaid = 0, 0
    for reply in cluster.db.messages.find({"user_id": user_id, "role": "assistant", "$nor": [REFUSED]}):
        usage = json.loads(reply["usage"]) if reply["usage"] else None
        unsaid += usage is None
        names = ("input_tokens", "output_tokens", "thought_tokens")
        said += sum((usage or {}).get(name, 0) for name in names)
    charged = sum(day["used"]["tokens"] for day in days)
    if charged < said or (not unsaid and charged != said):
        found.say(6, f"{user_id} was charged {charged} tokens; {said} were counted, {unsaid} answers said nothing")


def _check_blobs(cluster: Cluster, accounts: Iterable[str], found: Found) -> None:
    """7."""
    digests = set(cluster.db.attachments.distinct("digest", {"user_id": {"$in": list(accounts)}}))
    found.blobs = len(digests)
    for digest in digests:
        data = blob(cluster, digest)
        if data is None or hashlib.sha256(data).hexdigest() != digest:
            found.say(7, f"blob {digest[:12]} is {'gone' if data is None else 'damaged'}")


def blob(cluster: Cluster, digest: str) -> bytes | None:
    """Return the bytes of a blob as GridFS keeps them; None when it is not there."""
    file = cluster.db["blobs.files"].find_one({"$or": [{"_id": digest}, {"filename": digest}]})
    if file is None:
        return None
    chunks = cluster.db["blobs.chunks"].find({"files_id": file["_id"]}).sort("n", 1)
    data = b"".join(bytes(each["data"]) for each in chunks)
    return data if len(data) == file["length"] else None


async def _check_undo(witness: Witness, found: Found) -> None:
    """10; a witness may not have begun."""
    if not witness.asked:
        return
    account, place = witness.account, f"/conversations/{witness.id}"

    async def all_of_it() -> tuple[bytes, bytes]:
        conversation = await account.insist("GET", place)
        head = conversation.json.get("head_id")
        path = await account.insist("GET", f"/messages/{head}/path?limit=500") if head else None
        return conversation.body, path.body if path else b""

    before = await all_of_it()
    await account.insist("DELETE", place)
    await account.insist("POST", f"{place}/restore")
    if await all_of_it() != before:
        found.say(10, f"conversation {witness.id} is not what it was before it was deleted and restored")
