"""Finding accounts by their emails, those too that were stored when emails were folded in another way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress

from argus_core.auth.emails import fold_email
from argus_core.domain import User
from argus_core.errors import Conflict, InvalidInput, NotFound
from argus_core.storage.accounts import AccountStorage, Login, UserChange

_PAGE = 500
_log = logging.getLogger(__name__)


async def find_login(storage: AccountStorage, forms: Sequence[str]) -> Login | None:
    """Return who is stored under one of `emails.stored_forms`.

    Every form is looked up, whatever is found, so that the time tells nothing. Who signs in as ever finds the account
    of ever: the older form wins.
    """
    found = [await storage.find_login(form) for form in forms]
    return next((login for login in reversed(found) if login is not None), None)


async def refold_emails(storage: AccountStorage) -> int:
    """Store emails as they are folded now; return how many changed.

    One that is not taken any more, or that would become somebody else's, stays: its owner still signs in with it.
    """
    changed, cursor = 0, None
    while True:
        page = await storage.list_users(limit=_PAGE, cursor=cursor)
        for user in page.items:
            changed += await _refold(storage, user)
        cursor = page.next_cursor
        if cursor is None:
            return changed


async def _refold(storage: AccountStorage, user: User) -> bool:
    try:
        email = fold_email(user.email)
    except InvalidInput:
        return False
    if email == user.email:
        return False
    with suppress(NotFound):
        try:
            await storage.update_user(user.id, UserChange(email=email))
        except Conflict:
            _log.warning("two accounts have emails that look the same", extra={"user_id": user.id})
        else:
            _log.info("email folded anew", extra={"user_id": user.id})
            return True
    return False
