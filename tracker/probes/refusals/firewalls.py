"""Recognising a firewall's page in place of the API: only by words that say so."""

from tracker.probes.http.response import BoundedResponse

# In the lower-cased page or text. Cloudflare, Vercel, Akamai, F5, Imperva, Sucuri, AWS WAF.
SIGNS = (
    *("just a moment", "attention required", "cf-chl-", "_cf_chl_opt", "checking your browser"),
    *("error code: 1010", "error 1010", "error code: 1020", "error 1020", "error code 1020"),
    *("you have been blocked", "security checkpoint", "security check to access"),
    *("web application firewall", "blocked by our firewall", "firewall blocked"),
    *("the requested url was rejected", "request unsuccessful. incapsula", "_incapsula_resource"),
    *(
        "sucuri website firewall",
        "errors.edgesuite.net",
        "awswaf",
        "ddos protection by",
        "complete the captcha",
        "captcha-delivery",
    ),
)
MITIGATION_HEADERS = ("cf-mitigated", "x-vercel-mitigated", "x-amzn-waf-action")


def is_firewall(reply: BoundedResponse) -> bool:
    """Return whether a firewall answered: it says so, or a web page stands in place of a reason.

    An API's own JSON may quote a page. A page with a 5xx is about an origin that failed
    even when a firewall printed it, unless it says that it is a challenge.
    """
    if any(reply.header(name).lower() in _ACTIONS for name in MITIGATION_HEADERS):
        return True
    if reply.body[:64].lstrip().startswith((b"{", b"[")):
        return False
    if not reply.is_html and reply.status < 400:
        return False
    if reply.status >= 500 and reply.status != 503:
        return False
    if reply.is_html and reply.status == 403:
        return True
    text = reply.text.lower()
    return any(sign in text for sign in SIGNS)


_ACTIONS = frozenset({"challenge", "block", "deny", "captcha"})
