"""Queries over the images of questions. Never commits. What a person asks for names the owner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, insert, select

from storage.repositories.base import Repository, batched
from storage.tables import metadata

images = metadata.tables["images"]
of_messages = metadata.tables["message_images"]
of_rounds = metadata.tables["comparison_images"]
_i, _m, _r = images.c, of_messages.c, of_rounds.c
#: Everything but the bytes.
_ABOUT = (_i.id, _i.digest, _i.media_type, _i.size, _i.width, _i.height)


class ImageRepository(Repository):
    """Rows have the columns of storage/tables/images.py, Image."""

    @property
    def _connection(self) -> Connection:
        return self.session.connection()

    def put(self, owner_id: str, digest: str, **values: Any) -> str:
        """The id of the owner's image of this digest, which is added where it is not there."""
        found = self._connection.execute(select(_i.id).where(_i.owner_id == owner_id, _i.digest == digest)).scalar_one_or_none()
        if found is not None:
            return str(found)
        self._connection.execute(insert(images).values(owner_id=owner_id, digest=digest, **values))
        return str(values["id"])

    def copy_to(self, owner_id: str, new_id: str, image: Row[Any], moment: int) -> str:
        """The id of the owner's own image that is as `image` (of `of_messages`), which is added where it is not there."""
        about = {name: getattr(image, name) for name in ("media_type", "width", "height", "size", "content")}
        return self.put(owner_id, image.digest, id=new_id, created_at=moment, **about)

    def content(self, owner_id: str, image_id: str) -> bytes | None:
        """The bytes of an image of the owner's."""
        found = self._connection.execute(select(_i.content).where(_i.owner_id == owner_id, _i.id == image_id)).scalar_one_or_none()
        return None if found is None else bytes(found)

    def show_in_message(self, message_id: str, image_ids: Sequence[str]) -> None:
        rows = [{"message_id": message_id, "ordinal": ordinal, "image_id": each} for ordinal, each in enumerate(image_ids)]
        if rows:
            self._connection.execute(insert(of_messages), rows)

    def show_in_round(self, round_id: str, image_ids: Sequence[str]) -> None:
        rows = [{"round_id": round_id, "ordinal": ordinal, "image_id": each} for ordinal, each in enumerate(image_ids)]
        if rows:
            self._connection.execute(insert(of_rounds), rows)

    def of_messages(self, message_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
        """The images of these messages, in order, with their bytes in `content`."""
        return self._shown(_m.message_id, _m, message_ids, _i.content)

    def about_messages(self, message_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
        """As `of_messages`, without the bytes."""
        return self._shown(_m.message_id, _m, message_ids)

    def about_rounds(self, round_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
        """The images of these rounds' questions, in order, without the bytes."""
        return self._shown(_r.round_id, _r, round_ids)

    def _shown(self, place: Any, link: Any, ids: Sequence[str], *more: Any) -> dict[str, list[Row[Any]]]:
        found: dict[str, list[Row[Any]]] = {}
        statement = select(place.label("place"), *_ABOUT, *more).join(images, _i.id == link.image_id)
        for some in batched(ids):
            for row in self._connection.execute(statement.where(place.in_(some)).order_by(place, link.ordinal)):
                found.setdefault(row.place, []).append(row)
        return found

    def remove_unused(self) -> int:
        """Delete the images, of whomever, that nothing shows any more; how many."""
        return self._connection.execute(delete(images).where(_unused())).rowcount

    def any_unused(self) -> bool:
        """Whether there is one."""
        return self._connection.execute(select(_i.id).where(_unused()).limit(1)).first() is not None


def _unused() -> ColumnElement[bool]:
    return ~(exists().where(_m.image_id == _i.id) | exists().where(_r.image_id == _i.id))
