"""Images that questions were asked with. One is kept once for each account, however many messages show it."""

from __future__ import annotations

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables.base import Bytes, KeyText, moment, primary_key, reference


class Image(SQLModel, table=True):
    """`digest`: SHA-256 of `content`, in hex. `media_type`: image/png, image/jpeg, image/gif or image/webp. Sizes in pixels and bytes."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("owner_id", "digest"),)

    id: str = primary_key()
    owner_id: str = reference("users.id", index=False)
    digest: str = Field(sa_type=KeyText)
    media_type: str = Field(max_length=16)
    width: int = 0
    height: int = 0
    size: int = 0
    content: bytes = Field(sa_type=Bytes)
    created_at: int = moment()


class MessageImage(SQLModel, table=True):
    """An image of a question, in order."""

    __tablename__ = "message_images"

    message_id: str = reference("messages.id", primary=True)
    ordinal: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    image_id: str = reference("images.id")


class ComparisonImage(SQLModel, table=True):
    """An image of a round's question, in order: there before any candidate is asked."""

    __tablename__ = "comparison_images"

    round_id: str = reference("comparison_rounds.id", primary=True)
    ordinal: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    image_id: str = reference("images.id")
