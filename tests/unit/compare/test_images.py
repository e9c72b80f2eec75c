"""Images: told by their bytes, kept once, sent in each wire format to models that see, refused in place by those that do not."""

from __future__ import annotations

import struct

import pytest

from core.errors import ImagesNotSeen, InvalidInput, NotFound
from core.llm.images import IMAGE_BYTES, recognise
from tests.unit.compare.conftest import Table, states

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5B", 13, b"IHDR", 640, 480, 8, 6, 0, 0, 0) + b"rest"
GIF = b"GIF89a" + struct.pack("<HH", 30, 20) + b"\x00" * 8
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"\x00" * 10 + b"\xff\xc0\x00\x11\x08" + struct.pack(">HH", 48, 64) + b"\x03" + b"\x00" * 12
WEBP = b"RIFF\x1e\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00" + (99).to_bytes(3, "little") + (49).to_bytes(3, "little")
LOSSLESS = b"RIFF\x1e\x00\x00\x00WEBPVP8L\x0a\x00\x00\x00\x2f" + (7 | 9 << 14).to_bytes(4, "little") + b"\x00" * 8
SEEING, BLIND = "sim-vision@max", "sim-chat@max"


@pytest.mark.parametrize(
    ("data", "media_type", "size"),
    [
        (PNG, "image/png", (640, 480)),
        (GIF, "image/gif", (30, 20)),
        (JPEG, "image/jpeg", (64, 48)),
        (WEBP, "image/webp", (100, 50)),
        (LOSSLESS, "image/webp", (8, 10)),
        (PNG[:20], "image/png", (0, 0)),
        (b"\xff\xd8\xff" + b"\xff" * 100, "image/jpeg", (0, 0)),
        (b"\xff\xd8\xff\xe0\x00\x00" * 50, "image/jpeg", (0, 0)),
    ],
    ids=["png", "gif", "jpeg", "webp", "lossless", "cut", "filled", "looping"],
)
def test_an_image_is_told_by_its_first_bytes(data: bytes, media_type: str, size: tuple[int, int]) -> None:
    image = recognise(data)
    assert (image.media_type, image.width, image.height, image.data) == (media_type, *size, data)


@pytest.mark.parametrize(
    ("data", "rule"),
    [(b"", "empty"), (b"<svg/>", "not_an_image"), (b"%PDF-1.7", "not_an_image"), (b"RIFF0000AVI ", "not_an_image"),
     (b"GIF88a", "not_an_image"),     (b"\x89PNG\r\n\x1a\n" + b"x" * IMAGE_BYTES, "too_large")],
    ids=["empty", "svg", "pdf", "avi", "gif88", "large"],
)  # fmt: skip
def test_what_is_no_image_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        recognise(data)
    assert (refused.value.field, refused.value.rule) == ("image", rule)


async def test_models_that_see_are_shown_it_in_their_format_and_others_say_that_they_do_not(table: Table) -> None:
    ids = [await table.model(SEEING, protocol) for protocol in ("openai", "anthropic", "ollama")]
    comparison = await table.comparisons.create(table.ann, ids)
    found = await table.ask(comparison, "What is this?", images=[PNG, JPEG])
    for answer in found.answers:
        assert answer.message is not None
        assert "I see 2 images." in answer.message.content
        assert f"1. PNG, 640x480 pixels, {len(PNG)} bytes" in answer.message.content
        assert f"2. JPEG, 64x48 pixels, {len(JPEG)} bytes" in answer.message.content
    assert [(each.media_type, each.width, each.height, each.size) for each in found.images] == [
        ("image/png", 640, 480, len(PNG)),
        ("image/jpeg", 64, 48, len(JPEG)),
    ]
    assert await table.comparisons.image(table.ann, found.images[0].id) == PNG
    with pytest.raises(NotFound):
        await table.comparisons.image(table.bob, found.images[0].id)

    mixed = await table.compare(SEEING, BLIND)
    again = await table.ask(mixed, "And this?", images=[PNG])
    assert states(again) == ["complete", "failed"]
    refused = again.answers[1].message
    assert refused is not None and isinstance(refused.error, ImagesNotSeen) and refused.error.fields["model"] == BLIND
    assert not [record for record in table.simulator.requests if record.model == BLIND]  # it was not even asked
    assert again.images[0].id == found.images[0].id  # kept once


async def test_images_stay_in_the_context_and_go_with_the_conversation(table: Table) -> None:
    comparison = await table.compare(SEEING, BLIND)
    await table.ask(comparison, "What is this?", images=[GIF])
    follow_up = await table.ask(comparison, "Are you sure?")
    assert follow_up.answers[0].message is not None and "GIF, 30x20" in follow_up.answers[0].message.content
    conversation = await table.comparisons.as_conversation(table.ann, comparison.id, comparison.candidates[0].id)
    await table.comparisons.delete(table.ann, [comparison.id])
    await table.services.chat.send(table.ann, conversation, "And now?")
    await table.quiet()
    view = await table.services.chat.open(table.ann, conversation)
    assert "GIF, 30x20" in view.messages[-1].content
    assert [[image.media_type for image in message.images] for message in view.messages] == [["image/gif"], [], [], [], [], []]
    exported = await table.services.chat.export(table.ann, conversation)
    assert exported["messages"][0]["images"] == [{"media_type": "image/gif", "size": len(GIF)}]
    await table.services.chat.share(table.ann, conversation, "bob")
    copied = await table.services.chat.copy(table.bob, conversation)
    (image,) = (await table.services.chat.open(table.bob, copied.id)).messages[0].images
    assert await table.comparisons.image(table.bob, image.id) == GIF
    with pytest.raises(NotFound):
        await table.comparisons.image(table.ann, image.id)  # it is his own, not hers
    await table.services.chat.purge(table.bob, [copied.id])
    await table.services.chat.purge(table.ann, [conversation])
    await table.services.chat.clean_up()
    assert await table.services.store.read(lambda uow: uow.images.remove_unused()) == 0


async def test_too_many_or_no_images_ask_nothing(table: Table) -> None:
    comparison = await table.compare(SEEING, SEEING)
    for images, field in (([PNG] * 5, "images"), ([PNG, b"text"], "image")):
        with pytest.raises(InvalidInput) as refused:
            await table.comparisons.ask(table.ann, comparison.id, "What is this?", images=images)
        assert refused.value.field == field
    assert (await table.get(comparison)).rounds == ()
