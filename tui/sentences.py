"""The sentences for core's errors, as data. tui/errors.py picks and fills them.

Each entry is a tuple of candidates, the most telling first: the first whose placeholders are all known is used, so the last of
a tuple has none (or there is nothing to say).
"""

from __future__ import annotations

from tui.dataset_errors import DATASET_CONFLICTS, DATASET_KINDS, DATASET_WHAT
from tui.i18n import N_
from tui.sentence import Candidates, Text
from tui.sentences_batches import BATCH_CONFLICTS, BATCH_KINDS
from tui.sentences_compare import COMPARE_CODES, COMPARE_CONFLICTS, COMPARE_KINDS
from tui.sentences_questions import QUESTION_CONFLICTS, QUESTION_INPUT, QUESTION_KINDS
from tui.serving_errors import SERVING_CONFLICTS, SERVING_KINDS
from tui.swanlab_errors import SWANLAB_CONFLICTS, SWANLAB_INPUT, SWANLAB_KINDS, SWANLAB_WHAT
from tui.training_errors import TRAINING_CONFLICTS, TRAINING_KINDS, TRAINING_WHAT

__all__ = ["Candidates", "Text"]

_SAID = N_("It said: {message}")
_TRY_AGAIN = N_("Try again in a moment.")
_NETWORK = N_("Check the endpoint of the configuration and the network of this machine.")

BY_CODE: dict[str, Text] = {
    "error": Text((N_("That did not work."),), (), (N_("Try again; if it stays so, tell your administrator the code below."),)),
    "invalid_input": Text((N_("“{field}” cannot stay as it is."), N_("That cannot stay as it is."))),
    "not_found": Text(
        (N_("There is no such entry."),), (), (N_("Look at the list again: it may have been deleted, or belong to somebody else."),)
    ),
    "forbidden": Text((N_("Your role does not allow this."),), (), (N_("Ask an administrator to do it, or to change your role."),)),
    "conflict": Text((N_("Something changed in the meantime."),), (), (N_("Look at it again, then repeat what you wanted to do."),)),
    "quota_exceeded": Text(
        (
            N_("Your files may not take more than {size}."),
            N_("You may not have more than {entries} files and folders."),
            N_("There is no room for more of your files."),
        ),
        (),
        (N_("Remove what you do not need any more, or ask your administrator for more room."),),
    ),
    "auth": Text((N_("The sign-in is not valid."),), (), (N_("Sign in again."),)),
    "sign_in_refused": Text(
        (N_("The name or the password is wrong."),), (), (N_("Type both again; mind Caps Lock. An administrator can set a new password."),)
    ),
    "account_disabled": Text((N_("This account is disabled."),), (), (N_("Ask an administrator to enable it."),)),
    "too_many_attempts": Text(
        (N_("Too many attempts."),),
        (N_("Sign-in is closed for {wait}."), N_("Sign-in is closed for a while.")),
        (N_("Wait, then try again."),),
    ),
    "second_factor_needed": Text(
        (N_("This account asks for a code."),), (), (N_("Type the code that your authenticator app shows, or a recovery code."),)
    ),
    "code_refused": Text(
        (N_("The code is wrong, or was used already."),),
        (),
        (N_("Type the one that the app shows now, or a recovery code. If it stays so, check the clock of the telephone."),),
    ),
    "challenge_ended": Text(
        (N_("This sign-in took too long, or too many codes were wrong."),), (), (N_("Begin again with the password."),)
    ),
    "too_many_sessions": Text(
        (N_("This account has {limit} connections for commands and files already."), N_("Too many connections of this account.")),
        (),
        (N_("Wait until one has ended, or send several commands over one connection (ControlMaster)."),),
    ),
    "session_ended": Text((N_("This session has ended."),), (), (N_("Sign in again. What you were typing is kept."),)),
    "password_needed": Text((N_("This needs your password again."),), (), (N_("Type your password to go on."),)),
    "registration_closed": Text((N_("Registration is closed here."),), (), (N_("Ask an administrator for an account."),)),
    "storage": Text((N_("The database gave an error."),), (), (N_("Run “modeltrain doctor”; it says what to mend."),)),
    "database_busy": Text(
        (N_("The database is busy."),),
        (N_("Another process has been holding it for too long."),),
        (N_("Nothing was lost. Try again in a moment."),),
    ),
    "database_read_only": Text(
        (N_("The database cannot be written."),),
        (N_("{path} is read-only."), N_("The file or its folder is read-only.")),
        (N_("Make the data folder writable for this account, then try again."),),
    ),
    "database_unreachable": Text(
        (N_("The database cannot be reached."),), (), (N_("Check MODELTRAIN_DATABASE_URL, and that the database server runs."),)
    ),
    "disk_full": Text((N_("The disk is full."),), (), (N_("Free some space, then try again. What was saved before is safe."),)),
    "database_too_new": Text(
        (N_("The database was made by a newer modeltrain."),),
        (N_("It is at revision {found}; this program knows {known}."),),
        (N_("Update modeltrain on this machine, or name another data folder with --data."),),
    ),
    "database_damaged": Text(
        (N_("The database is damaged."),), (), (N_("Stop every modeltrain, keep a copy of the data folder, then restore a backup."),)
    ),
    "master_key_missing": Text(
        (N_("The master key is missing."),),
        (N_("It was looked for in {source}."),),
        (N_("Put the key back. Without it, stored API keys cannot be read; a new one is never made over old data."),),
    ),
    "secret_unreadable": Text(
        (N_("A stored secret cannot be read."),),
        (N_("It was made with another master key."),),
        (N_("Bring back the old master key, or enter the secret again."),),
    ),
    "provider_error": Text((N_("The provider gave an error."),), (_SAID,), (_TRY_AGAIN,)),
    "name_not_resolved": Text((N_("The name {host} was not found."), N_("The provider's name was not found.")), (), (_NETWORK,)),
    "connection_refused": Text(
        (N_("Nothing answers at {endpoint}."), N_("Nothing answers at the provider's address.")),
        (),
        (N_("Start the model server, or correct the address and port in the configuration."),),
    ),
    "tls_failed": Text(
        (N_("No secure connection to the provider."),),
        (_SAID, N_("Its certificate is not trusted, or it does not speak TLS.")),
        (N_("Check https:// and the port; a server inside the house may need http://, or its certificate installed here."),),
    ),
    "address_not_allowed": Text(
        (N_("The address {address} is not allowed."), N_("This address is not allowed.")),
        (N_("It leads into the inner network."),),
        (N_("An administrator can allow it: modeltrain provider allow ADDRESS."),),
    ),
    "unauthorized": Text(
        (N_("The provider does not accept the key (401)."),), (_SAID,), (N_("Enter the key of the configuration again, then test it."),)
    ),
    "access_denied": Text(
        (N_("The provider denies access (403)."),),
        (_SAID,),
        (N_("Check that the key may use this model, and that the account has credit."),),
    ),
    "model_not_found": Text(
        (N_("The provider has no model “{model}” (404)."), N_("The provider does not know this model or path (404).")),
        (_SAID,),
        (N_("Refresh the models and pick one; check the path of the endpoint, often it ends with /v1."),),
    ),
    "rate_limited": Text(
        (N_("The provider asks to go slower (429)."),), (_SAID,), (N_("Try again in {wait}."), N_("Try again in a minute."))
    ),
    "bad_request": Text(
        (N_("The provider refuses the request ({status})."), N_("The provider refuses the request.")),
        (_SAID,),
        (N_("Look at the parameters of the configuration: the model may not know one of them."),),
    ),
    "provider_fault": Text(
        (N_("The provider failed ({status})."), N_("The provider failed.")), (_SAID,), (N_("Try again in a moment; the question is kept."),)
    ),
    "not_a_stream": Text(
        (N_("The provider did not send a stream."),),
        (_SAID,),
        (N_("Check that the endpoint speaks the chosen format, or ask without streaming."),),
    ),
    "empty_stream": Text((N_("The provider sent an empty answer."),), (), (N_("Retry; if it stays so, test the configuration."),)),
    "stream_truncated": Text(
        (N_("The answer broke off."),),
        (N_("The provider closed the stream before its end."),),
        (N_("What came is kept. Retry, or let it continue."),),
    ),
    "stream_stalled": Text(
        (N_("The answer came to a halt."),),
        (N_("Nothing came for {wait}."), N_("Nothing came for too long.")),
        (N_("What came is kept. Retry, or raise the timeout in the configuration."),),
    ),
    "response_too_large": Text(
        (N_("The answer is too large."),),
        (N_("More than {size} came."),),
        (N_("What came is kept. Set a limit of tokens in the configuration."),),
    ),
    "connection_lost": Text(
        (N_("The connection to the provider was lost."),), (), (N_("What came is kept. Retry when the network is back."),)
    ),
    "answer_interrupted": Text(
        (N_("The answer broke off."),),
        (N_("modeltrain ended while it was being written."),),
        (N_("What was saved is kept. Retry, or let it continue."),),
    ),
    "environment": Text(
        (N_("Something about this machine is in the way."),), (_SAID,), (N_("Run “modeltrain doctor”; it says what to mend."),)
    ),
    **COMPARE_CODES,
}

#: EnvironmentProblem by `what`.
BY_WHAT: dict[str, Text] = {
    "port_taken": Text(
        (N_("Port {port} is taken."), N_("The port is taken.")), (), (N_("Choose another with --port, or end the program that uses it."),)
    ),
    "port_forbidden": Text(
        (N_("Port {port} may not be used by this account."), N_("The port may not be used.")), (), (N_("Choose one from 1024 to 65535."),)
    ),
    "address_unknown": Text(
        (N_("This machine has no address {host}."), N_("This machine has no such address.")), (), (N_("Give one of its own with --host."),)
    ),
    "already_serving": Text(
        (N_("modeltrain serves this data folder on port {port} already."), N_("modeltrain serves this data folder already.")),
        (N_("It is process {pid}."),),
        (N_("Stop that one first, or choose another port with --port."),),
    ),
    "host_key_damaged": Text(
        (N_("The host key {path} cannot be read."), N_("The host key cannot be read.")),
        (N_("It is not a private ed25519 key without a passphrase."),),
        (N_("Put back a copy of it. If there is none, move it away: a new one is made, and everybody is warned that the host changed."),),
    ),
    "host_key_exposed": Text(
        (N_("The host key {path} can be read by other accounts of this machine."), N_("The host key can be read by others.")),
        (N_("Whoever has it can pretend to be this server."),),
        (N_("If nobody else could have copied it: chmod 600 {path}. If in doubt, move it away: a new one is made."),),
    ),
    "host_key_foreign": Text(
        (N_("The host key {path} belongs to another account of this machine."), N_("The host key belongs to another account.")),
        (),
        (N_("Run the server as that account, or give the file to this one."),),
    ),
    "not_loopback": Text(
        (N_("Other machines could reach {host}."), N_("Other machines could reach this address.")),
        (),
        (N_("Use a loopback address such as 127.0.0.1."),),
    ),
    "not_listening": Text(
        (N_("It is not possible to listen on {host}, port {port}."), N_("It is not possible to listen there.")),
        (N_("The system said: {reason}"),),
        (N_("Choose another address or port."),),
    ),
    "not_a_folder": Text(
        (N_("{path} is a file, not a folder."), N_("The data folder is a file.")),
        (),
        (N_("Move the file away, or name another folder with --data."),),
    ),
    "folder_not_writable": Text(
        (N_("The folder {path} cannot be written."), N_("The data folder cannot be written.")),
        (N_("The system said: {reason}"),),
        (N_("Give this account the right to write it, or name another with --data."),),
    ),
    "bad_setting": Text(
        (N_("{variable} cannot be “{value}”."), N_("A variable of the environment has a value that cannot be.")),
        (),
        (
            N_("Give one of {choices}, or leave it out."),
            N_("Give a whole number from {min} to {max}, or leave it out."),
            N_("Give a number from 0 to {max}, or leave it out."),
            N_("Correct it, or leave it out."),
        ),
    ),
    "not_a_terminal": Text(
        (N_("This needs a terminal."),),
        (N_("Input or output is a file or a pipe."),),
        (N_("Run it in a terminal; for scripts there are the subcommands, see --help."),),
    ),
    "not_the_owner": Text(
        (N_("Only the owner of the data folder may do this."),),
        (N_("{path} belongs to another account of this machine."),),
        (N_("Run it as that account, or sign in with: modeltrain sign-in EMAIL"),),
    ),
    "not_signed_in": Text(
        (N_("Nobody is signed in here."),), (), (N_("Sign in with: modeltrain sign-in EMAIL, or act for an account with --as EMAIL."),)
    ),
    "file_not_writable": Text(
        (N_("The file {path} cannot be written."), N_("The file cannot be written.")),
        ("{reason}",),
        (N_("Name another, or give this account the right to write it."),),
    ),
    "file_not_readable": Text(
        (N_("The file {path} cannot be read."), N_("The file cannot be read.")),
        ("{reason}",),
        (N_("Check its name and its permissions."),),
    ),
    "no_password": Text(
        (N_("A password is needed."),), (), (N_("Run it in a terminal, or give --password-file FILE or MODELTRAIN_PASSWORD."),)
    ),
    "no_code": Text(
        (N_("A code is needed."),),
        (N_("The account has a second factor."),),
        (N_("Run it in a terminal, or give the code in MODELTRAIN_CODE."),),
    ),
    "new_password_needed": Text(
        (N_("This account needs a new password first."),),
        (N_("Its password was set by an administrator, for one sign-in."),),
        (N_("Choose your own with: modeltrain sign-in {email}"),),
    ),
    "no_email": Text((N_("An e-mail is needed."),), (), (N_("Give it as an argument: modeltrain sign-in EMAIL"),)),
    "no_account": Text(
        (N_("There is no administrator yet."),), (), (N_("Make the first with: modeltrain user add EMAIL --nickname NAME --admin"),)
    ),
    "session_file_locked": Text(
        (N_("Another modeltrain is using the kept session."),),
        (N_("{path} stays locked."),),
        (N_("Try again in a moment; end a modeltrain that hangs."),),
    ),
    "no_key": Text((N_("An API key is needed."),), (), (N_("Run it in a terminal, or give --key-file FILE or MODELTRAIN_API_KEY."),)),
    "no_password_served": Text(
        (N_("A password is needed."),), (), (N_("Ask for a terminal with ssh -t, or give --password-file - and the password as input."),)
    ),
    "no_key_served": Text(
        (N_("An API key is needed."),), (), (N_("Ask for a terminal with ssh -t, or give --key-file - and the key as input."),)
    ),
    "no_text": Text((N_("There is no question."),), (), (N_("Give it as an argument or on standard input."),)),
    **DATASET_WHAT,
    **TRAINING_WHAT,
    **SWANLAB_WHAT,
}

#: NotFound by `kind`.
BY_KIND: dict[str, Candidates] = {
    "share": (N_("It is not shared with “{reference}”."), N_("It is not shared so.")),
    "conversation": (N_("There is no conversation “{reference}”."), N_("There is no such conversation.")),
    "configuration": (N_("There is no configuration “{reference}”."), N_("There is no such configuration.")),
    "default_configuration": (N_("No configuration is the default."),),
    "message": (N_("There is no such message."),),
    "answer": (N_("There is no such answer."),),
    "user": (N_("There is no account “{reference}”."), N_("There is no such account.")),
    "session": (N_("There is no such session."),),
    "ssh_key": (N_("There is no such SSH key."),),
    "second_factor": (N_("There is no second factor."),),
    "enrolment": (N_("No second factor is being set up, or it took too long."),),
    "provider": (N_("There is no provider “{reference}”."), N_("There is no such provider.")),
    "model": (N_("There is no model “{reference}”."), N_("There is no such model.")),
    "address": (N_("The address “{reference}” is not on the list."), N_("The address is not on the list.")),
    "file": (N_("There is no file or folder “{reference}”."), N_("There is no such file or folder.")),
    "preset": (N_("There is no preset “{reference}”."), N_("There is no such preset.")),
    **DATASET_KINDS,
    **TRAINING_KINDS,
    **SERVING_KINDS,
    **SWANLAB_KINDS,
    **BATCH_KINDS,
    **COMPARE_KINDS,
    **QUESTION_KINDS,
}

#: NotFound by `kind`: what to do, where looking at the list again is not it.
REMEDY_BY_KIND: dict[str, Candidates] = {
    "user": (N_("Check how it is written."),),
    "second_factor": (N_("Set one up under Account."),),
    "enrolment": (N_("Begin again under Account."),),
    "default_configuration": (N_("Name one, or set the default: modeltrain config default NAME, or under Models."),),
}

#: Conflict by `what`.
BY_CONFLICT: dict[str, Text] = {
    "nothing_to_continue": Text((N_("This answer is complete."),), (), (N_("Ask for more with a new question, or retry it."),)),
    "in_trash": Text((N_("This conversation is in the trash."),), (), (N_("Restore it first, or begin a new one."),)),
    "first_admin": Text((N_("There is an administrator already."),), (), (N_("Sign in with that account, or ask for one of your own."),)),
    "email": Text((N_("This e-mail is taken."),), (), (N_("Use another, or sign in with it."),)),
    "nickname": Text((N_("This nickname is taken."),), (), (N_("Choose another."),)),
    "name": Text((N_("This name is taken."),), (), (N_("Choose another."),)),
    "last_admin": Text(
        (N_("This is the last administrator."),),
        (N_("Without one nobody could manage accounts."),),
        (N_("Make somebody else an administrator first."),),
    ),
    "second_factor": Text((N_("There is a second factor already."),), (), (N_("Turn it off first, then set up the new one."),)),
    "ssh_key": Text((N_("This SSH key is in use already."),), (N_("A key belongs to one account only."),), (N_("Add another key."),)),
    "configuration": Text((N_("The configuration was changed by somebody else."),), (), (N_("Look at it again, then repeat the change."),)),
    "configuration_disabled": Text(
        (N_("The configuration “{configuration}” is disabled."), N_("This configuration is disabled.")),
        (),
        (N_("Enable it under Models, or choose another."),),
    ),
    "provider_disabled": Text(
        (N_("The provider {provider} is closed here."), N_("This provider is closed here.")),
        (),
        (N_("Choose a configuration of another provider, or ask an administrator: modeltrain provider enable ID."),),
    ),
    "fixed_folders": Text(
        (N_("Nothing can be added, renamed or removed here."),),
        (),
        (N_("Your files go into datasets, images or exports: name one of these folders."),),
    ),
    "file_exists": Text((N_("Something of that name is there already."),), (), (N_("Choose another name, or remove it first."),)),
    "is_a_folder": Text((N_("This is a folder."),), (), (N_("Name a file."),)),
    "not_a_folder": Text((N_("This is a file, not a folder."),), (), (N_("Name a folder."),)),
    "not_a_file": Text((N_("This is not a plain file."),), (), (N_("Choose another name."),)),
    "folder_to_remove": Text((N_("This is a folder, not a file."),), (), (N_("Empty it, then remove it with rmdir."),)),
    "folder_not_empty": Text((N_("The folder is not empty."),), (), (N_("Remove what is in it first."),)),
    "into_itself": Text((N_("A folder cannot be moved into itself."),), (), (N_("Choose another place."),)),
    "nested_too_deeply": Text((N_("Too many folders in one another."),), (), (N_("Choose a place nearer to the top."),)),
    "too_large_to_change": Text(
        (N_("So large a file can only be replaced as a whole."),),
        (),
        (N_("To change it where it is, rename it first so that it ends with .part."),),
    ),
    "file_busy": Text(
        (N_("This file is being written by another transfer."),), (), (N_("Wait until that one ends, or choose another name."),)
    ),
    "generating": Text((N_("An answer is still being written here."),), (), (N_("Wait for it, or stop it with Esc."),)),
    "database": Text((N_("Something of that name is there already."),), (), (N_("Choose another name."),)),
    **DATASET_CONFLICTS,
    **TRAINING_CONFLICTS,
    **SERVING_CONFLICTS,
    **SWANLAB_CONFLICTS,
    **BATCH_CONFLICTS,
    **COMPARE_CONFLICTS,
    **QUESTION_CONFLICTS,
}

#: InvalidInput by `rule`, where no one field is to blame.
BY_INPUT: dict[str, Text] = {
    "not_the_same": Text((N_("The two passwords are not the same."),), (), (N_("Type them again."),)),
    **SWANLAB_INPUT,
    **QUESTION_INPUT,
}

#: SessionEnded by `why`: the reason shown.
BY_REASON: dict[str, Candidates] = {
    "signed_out": (N_("You signed out."),),
    "revoked": (N_("It was ended from another session."),),
    "expired": (N_("It was not used for too long."),),
    "reused": (N_("Its key was used twice, so it was ended for your safety. If that was not you, change your password."),),
    "disabled": (N_("The account is disabled."),),
    "password_changed": (N_("The password was changed."),),
    "too_many_sessions": (N_("You signed in elsewhere; only a few sessions at once are allowed."),),
    "unknown": (N_("It is not known here."),),
}

#: SessionEnded by `why`: what to do, where signing in again is of no use.
REMEDY_BY_REASON: dict[str, Candidates] = {
    "disabled": (N_("Ask an administrator to enable it."),),
}
