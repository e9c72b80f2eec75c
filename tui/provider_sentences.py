"""The sentences for errors of providers that say more than their code: by code and cause (`reason`, core/llm/failures.py)."""

from __future__ import annotations

from tui.i18n import N_
from tui.sentences import Text

_SAID = N_("It said: {message}")
_RETRY = N_("Retry; if it stays so, look at the log of that server.")

BY_PROVIDER_REASON: dict[tuple[str, str], Text] = {
    ("connection_refused", "refused"): Text(
        (N_("Nothing answers at {endpoint}."), N_("Nothing answers at the provider's address.")),
        (N_("The machine is there, but no server listens on that port."),),
        (N_("Start the model server, or correct the address and port in the configuration."),),
    ),
    ("connection_refused", "unreachable"): Text(
        (N_("No way leads to {endpoint}."), N_("No way leads to the provider's address.")),
        (),
        (N_("Check the network of this machine (cable, VPN, route), then the address in the configuration."),),
    ),
    ("connection_refused", "timeout"): Text(
        (N_("No connection to {endpoint} came about in time."), N_("No connection to the provider came about in time.")),
        (N_("The machine is off, or a firewall swallows what is sent there."),),
        (N_("Check the address and port in the configuration, and what stands between."),),
    ),
    ("tls_failed", "certificate"): Text(
        (N_("The certificate of {endpoint} is not trusted."), N_("The provider's certificate is not trusted.")),
        (N_("The check said: {message}"),),
        (N_("Use the name that the certificate is for; that of a house of your own: SSL_CERT_FILE names the file of its authority."),),
    ),
    ("tls_failed", "not_tls"): Text(
        (N_("What answers at {endpoint} does not speak TLS."), N_("What answers there does not speak TLS.")),
        (),
        (N_("Write http:// instead of https:// in the endpoint, or correct its port."),),
    ),
    ("tls_failed", "handshake"): Text(
        (N_("No secure connection to {endpoint} came about."), N_("No secure connection to the provider came about.")),
        (N_("The cause: {message}"), N_("The server hung up.")),
        (N_("Check the port of the endpoint, and which TLS that server wants."),),
    ),
    ("address_not_allowed", "never"): Text(
        (N_("The address {address} is not allowed."), N_("This address is not allowed.")),
        (N_("Nobody may reach it: it belongs to the machine itself or to its cloud, not to a model server."),),
        (N_("Correct the endpoint of the configuration."),),
    ),
    ("unauthorized", "key_not_ascii"): Text(
        (N_("The key has characters that no key has, so it was not sent."),),
        (),
        (N_("Copy the key again and enter it in the configuration."),),
    ),
    ("bad_request", "redirect"): Text(
        (N_("The provider sends requests elsewhere ({status})."), N_("The provider sends requests elsewhere.")),
        (N_("It points to {location}."),),
        (N_("If you trust that address, enter it as the endpoint: redirects are not followed, so that your key goes nowhere else."),),
    ),
    ("bad_request", "413"): Text(
        (N_("The provider refuses the request: it is too large (413)."),),
        (_SAID,),
        (N_("Ask with less text, or begin a new conversation: all of this one goes along with each question."),),
    ),
    ("bad_request", "not_json"): Text(
        (N_("The extra parameters cannot be sent."),), (), (N_("Correct the extra JSON of the configuration."),)
    ),
    ("bad_request", "bad_request_made"): Text(
        (N_("The request could not be made."),),
        (N_("The cause: {message}"),),
        (N_("Check the endpoint and the key of the configuration."),),
    ),
    ("provider_fault", "not_http"): Text(
        (N_("What answers at {endpoint} is no web server."), N_("What answers there is no web server.")),
        (),
        (N_("Check the port, and whether the endpoint must begin with https://."),),
    ),
    ("provider_fault", "encoding"): Text(
        (N_("The provider packed its answer in a way that nobody asked for."),),
        (_SAID,),
        (N_("Retry; a proxy on the way may be the cause."),),
    ),
    ("provider_fault", "garbled"): Text(
        (N_("The provider sent something unreadable."),),
        (_SAID,),
        (N_("What came is kept. Retry; if it stays so, check the format that the endpoint speaks."),),
    ),
    ("not_a_stream", "no_list"): Text(
        (N_("The provider did not send a list of models."),),
        (_SAID,),
        (N_("Check the path of the endpoint, often it ends with /v1; or type the model's name."),),
    ),
    ("connection_lost", "no_answer"): Text((N_("The provider hung up without an answer."),), (), (_RETRY,)),
    ("stream_truncated", "reasoning"): Text(
        (N_("The model thought and came to no answer."),),
        (),
        (N_("Its thoughts are kept. Retry, or raise the limit of tokens in the configuration."),),
    ),
    ("stream_truncated", "nothing_came"): Text(
        (N_("No answer came."),), (N_("The provider closed the stream before the first word."),), (_RETRY,)
    ),
    ("connection_lost", "nothing_came"): Text(
        (N_("No answer came."),), (N_("The connection to the provider was lost."),), (N_("Retry when the network is back."),)
    ),
    ("response_too_large", "nothing_came"): Text(
        (N_("The answer is too large."),),
        (N_("More than {size} came in one piece."),),
        (N_("Nothing of it could be kept. Set a limit of tokens in the configuration, or ask in other words."),),
    ),
    ("stream_stalled", "nothing_came"): Text(
        (N_("No answer came."),),
        (N_("Nothing came for {wait}."), N_("Nothing came for too long.")),
        (N_("The model may still be loading: retry, or raise the timeout in the configuration."),),
    ),
}
