"""Uses python-telegram-bot against the simulated Telegram: each line of the input is a call or an update, each line of the
output what the library made of the answer or the update, and which members it has no place for."""

import asyncio
import json
import sys
from pathlib import Path

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, MessageEntity, TelegramObject, Update
from telegram.error import RetryAfter, TelegramError

# How the library wants arguments that are objects.
OBJECTS = {
    "reply_markup": lambda value: InlineKeyboardMarkup.de_json(value, None),
    "link_preview_options": lambda value: LinkPreviewOptions.de_json(value, None),
    "entities": lambda value: MessageEntity.de_list(value, None),
}


def unknown(value):
    """The members of an object, and of those in it, that its class does not know."""
    if isinstance(value, (list, tuple)):
        return [name for each in value for name in unknown(each)]
    if not isinstance(value, TelegramObject):
        return []
    names = [f"{type(value).__name__}.{name}" for name in value.api_kwargs]
    slots = (name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ()))
    inner = [getattr(value, name) for name in slots if not name.startswith("_")]
    return names + unknown(inner)


def lost(given, kept, path=""):
    """The members that are not kept as they were given."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [place for name, value in given.items() for place in lost(value, kept.get(name), f"{path}.{name}")]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [place for pair in enumerate(zip(given, kept)) for place in lost(*pair[1], f"{path}[{pair[0]}]")]
    return [] if given == kept else [f"{path}: {given} is {kept}"]


def read_update(body):
    update = Update.de_json(body, None)
    kept = update.to_dict()
    return {"raw": {"chat": update.effective_chat.id, "model": kept}, "differences": unknown(update) + lost(body, kept)}


async def call(bot, method, arguments):
    file = arguments.pop("file", None)
    arguments = {name: OBJECTS.get(name, lambda value: value)(value) for name, value in arguments.items()}
    if file is not None:
        arguments[file["kind"]] = Path(file["path"]).read_bytes()
    try:
        result = await getattr(bot, method)(**arguments)
    except RetryAfter as error:
        return {"raw": {"retry_after": error.retry_after}}
    except TelegramError as error:
        return {"raw": {"refused": f"{type(error).__name__}: {error.message}"}}
    raw = result.to_dict() if isinstance(result, TelegramObject) else result
    return {"raw": raw, "differences": unknown(result)}


async def download(bot, file_id):
    file = await bot.get_file(file_id)
    return {"raw": len(await file.download_as_bytearray())}


async def main(url, token):
    async with Bot(token, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot") as bot:
        for line in sys.stdin:
            given = json.loads(line)
            if "update" in given:
                result = read_update(given["update"])
            elif "file_id" in given:
                result = await download(bot, given["file_id"])
            else:
                result = await call(bot, **given)
            print(json.dumps(result), flush=True)


asyncio.run(main(*sys.argv[1:]))
