"""The remarks for input that cannot stay as it is: one sentence by rule, shown beside its field and by the shell."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentences import Candidates

#: InvalidInput by `rule`.
BY_RULE: dict[str, Candidates] = {
    "required": (N_("Something must be here."),),
    "empty": (N_("Something must be here."),),
    "too_short": (N_("At least {min} characters."), N_("Too short.")),
    "too_long": (N_("At most {max} characters."), N_("Too long.")),
    "taken": (N_("Already taken."),),
    "not_an_email": (N_("Not an e-mail address."),),
    "no_letter": (N_("A letter is missing."),),
    "no_digit": (N_("A digit is missing."),),
    "too_common": (N_("Too easy to guess."),),
    "same_as_before": (N_("The same as before."),),
    "control_characters": (N_("Has characters that cannot be shown."),),
    "out_of_range": (N_("From {min} to {max}."), N_("At least {min}."), N_("At most {max}."), N_("Out of range.")),
    "not_a_number": (N_("Not a number."),),
    "not_an_integer": (N_("Not a whole number."),),
    "not_a_url": (N_("Not an address like https://host/v1."),),
    "not_json": (N_("Not valid JSON."),),
    "not_an_object": (N_("Not a JSON object."),),
    "unknown": (N_("“{value}” is not known here."), N_("Not known here.")),
    "not_a_public_key": (N_("Not an OpenSSH public key."),),
    "wrong": (N_("Wrong password."),),
    "not_the_same": (N_("The two are not the same."),),
    "key_needed": (N_("This provider needs a key."),),
    "too_many": (N_("At most {max} of them."), N_("Too many.")),
}

#: The words for `field` of InvalidInput.
FIELDS: dict[str, str] = {
    "email": N_("e-mail"),
    "nickname": N_("nickname"),
    "password": N_("password"),
    "old_password": N_("old password"),
    "new_password": N_("new password"),
    "name": N_("name"),
    "title": N_("title"),
    "text": N_("question"),
    "provider": N_("provider"),
    "provider_id": N_("provider"),
    "endpoint": N_("endpoint"),
    "address": N_("address"),
    "model": N_("model"),
    "key": N_("API key"),
    "temperature": N_("temperature"),
    "top_p": N_("top_p"),
    "top_k": N_("top_k"),
    "max_tokens": N_("max. tokens"),
    "presence_penalty": N_("presence penalty"),
    "frequency_penalty": N_("frequency penalty"),
    "seed": N_("seed"),
    "stop": N_("stop words"),
    "timeout": N_("timeout"),
    "timeout_s": N_("timeout"),
    "extra": N_("extra JSON"),
    "system_prompt": N_("system prompt"),
    "note": N_("note"),
    "language": N_("language"),
    "theme": N_("theme"),
    "time_zone": N_("time zone"),
    "public_key": N_("SSH key"),
    "role": N_("role"),
    "database_url": N_("database address"),
}
