"""The entrance of a store with accounts that this process opens itself: MongoDB without a server in between."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from argus_core.domain import SignedIn, SignUpPolicy, User
from argus_core.errors import NotAuthenticated

if TYPE_CHECKING:
    from argus_core.auth.service import Auth, Origin
    from argus_core.credentials import KeptSession


class StoreEntrance:
    """Role `Entrance` over the accounts of a store.

    Args:
        auth: The accounts.
        kept: Where the sign-in is kept on this machine.
        origin: Who signs in, without a device token.
    """

    def __init__(self, auth: Auth, kept: KeptSession, origin: Origin) -> None:
        self._auth = auth
        self._kept = kept
        self._origin = origin
        self.kept_in = ""
        """Where the last sign-in was kept, in words: `your keyring` or a path; empty before."""

    @property
    def place(self) -> str:
        """The store, without user and password."""
        return self._kept.place

    async def policy(self) -> SignUpPolicy:
        """Return who may make an account."""
        return self._auth.signup

    async def sign_in(self, email: str, password: str) -> User:
        """Sign in and keep it."""
        return await self._keep(await self._auth.sign_in(email, password, await self._known_origin()))

    async def sign_up(self, name: str, email: str, password: str, *, invite: str = "") -> User:
        """Make an account, or set the password of the one a reset code is for, sign in and keep it."""
        origin = await self._known_origin()
        return await self._keep(await self._auth.sign_up(name, email, password, origin, invite=invite))

    async def resume(self) -> SignedIn:
        """Take up the sign-in that is kept.

        Raises:
            NotAuthenticated: Nobody is signed in here, or not any more.
        """
        async with self._kept.alone():
            kept = await asyncio.to_thread(self._kept.find)
            if kept is None or not kept.refresh_token:
                raise NotAuthenticated("Sign in: argus login")
            signed_in = await self._auth.refresh(kept.refresh_token, self._origin)
            await asyncio.to_thread(self._kept.keep, signed_in)
        return signed_in

    async def forget(self, session_id: str) -> None:
        """Forget that sign-in; one that another program kept since stays."""
        async with self._kept.alone():
            kept = await asyncio.to_thread(self._kept.find)
            if kept is not None and kept.session_id == session_id:
                await asyncio.to_thread(self._kept.forget)

    async def _known_origin(self) -> Origin:
        kept = await asyncio.to_thread(self._kept.find)
        return self._origin if kept is None else replace(self._origin, device_token=kept.device_token)

    async def _keep(self, signed_in: SignedIn) -> User:
        async with self._kept.alone():
            self.kept_in = await asyncio.to_thread(self._kept.keep, signed_in)
        return signed_in.user
