"""The vocabulary of refusals: words and the concept each stands for."""

from collections.abc import Mapping
from enum import IntEnum, auto


class Concept(IntEnum):
    """The meaning of a word. An IntEnum, as other enums are slow as keys."""

    # who is refused
    KEY = auto()
    KEY_NOUN = auto()  # "key" or "token" alone may be JSON's, a prompt's or a parser's
    ACCOUNT = auto()
    MODEL = auto()
    PARAMETER = auto()
    PLACE = auto()
    # what is missing
    MONEY = auto()
    ALLOWANCE = auto()
    LIMIT = auto()
    UNIT = auto()
    LOAD = auto()
    SERVERS = auto()
    # what is said about it
    INVALID = auto()
    REFUSED = auto()
    SPENT = auto()
    LACK = auto()
    NOT = auto()
    POSITIVE = auto()  # becomes ABSENT after a NOT
    ABSENT = auto()
    PERMITTED = auto()  # becomes BARRED after a NOT
    BARRED = auto()
    PERMISSION = auto()
    SUPPORTED = auto()  # becomes UNSUPPORTED after a NOT
    UNSUPPORTED = auto()
    ENOUGH = auto()  # becomes LACK after a NOT
    MANY = auto()
    HIGH = auto()
    REQUIRES = auto()
    PROVIDE = auto()
    ADVICE = auto()  # what follows is a recommendation, not something missing
    RATE = auto()
    FAILED = auto()
    INTERNAL = auto()
    CONTENT = auto()
    POLICY = auto()
    TEMPORARY = auto()
    END = auto()  # end of a sentence: what follows is about something else
    # sufficient alone
    DEBT = auto()
    OVERLOADED = auto()
    UPSTREAM = auto()
    UNAUTHORIZED = auto()
    MODERATED = auto()
    ABUSE = auto()
    # for how long
    PER = auto()
    SHORT = auto()
    LONG = auto()
    SHORT_LIMIT = auto()
    LONG_LIMIT = auto()
    DAILY = auto()


VOCABULARY: Mapping[Concept, str] = {
    Concept.KEY: """apikey apikeys credential credentials authentication authorization
        authenticate login
        jwt password""",
    Concept.KEY_NOUN: "key keys token",
    Concept.ACCOUNT: """account accounts organization organisation org project workspace team user
        tenant member""",
    Concept.MODEL: """model models modelid endpoint endpoints deployment
        channel""",
    Concept.PARAMETER: """parameter parameters param params argument arguments field fields value
        values property stream temperature""",
    Concept.PLACE: "country region territory location countries regions",
    Concept.MONEY: """balance credit credits fund funds money billing bill payment paid prepaid
        invoice card wallet budget spend spending cost subscription""",
    Concept.ALLOWANCE: """quota quotas allowance allocation allocated usage plan tier trial package
        pack""",
    Concept.LIMIT: "limit limits limited cap",
    Concept.UNIT: "requests tokens calls queries messages neurons",
    Concept.LOAD: "demand load traffic volume queue",
    Concept.HIGH: "high heavy peak experiencing unusual",
    Concept.MANY: "many",
    Concept.SERVERS: """instances workers servers channels provider providers replicas backends
        upstreams deployments""",
    Concept.INVALID: """invalid incorrect wrong malformed missing unknown bad unrecognized
        unrecognised nonexistent mismatched
        unexpected""",
    Concept.REFUSED: """disabled deactivated suspended suspension banned ban blocked restricted
        terminated closed locked frozen paused archived revoked expired inactive hold denied
        rejected deprecated decommissioned retired removed discontinued deleted cancelled canceled
        gated""",
    Concept.SPENT: """exceeded exceed exceeds exceeding reached reach exhausted depleted used
        consumed spent ended finished hit over low empty out negative zero crossed full overflow""",
    Concept.LACK: "insufficient inadequate",
    Concept.NOT: """not no cannot non never unable isn doesn don aren won without cant isnt doesnt
        dont didn didnt hasn""",
    Concept.POSITIVE: """valid find found locate located exist exists available enabled active
        activated running recognized recognised serverless""",
    Concept.PERMITTED: "allowed permitted entitled authorized authorised access accessible",
    Concept.BARRED: "forbidden",
    Concept.UNSUPPORTED: "unsupported",
    Concept.PERMISSION: "permission permissions",
    Concept.SUPPORTED: "supported",
    Concept.ENOUGH: "enough sufficient",
    Concept.ABSENT: "unavailable",
    Concept.PROVIDE: "provide supply pass",
    Concept.REQUIRES: "requires require required only exclusive",
    Concept.ADVICE: """check add increase purchase buy see visit upgrade enable need want view
        manage review unlock""",
    Concept.RATE: "rate throttled throttling frequency concurrency concurrent parallel frequently",
    Concept.FAILED: "failed fails fail failure error",
    Concept.INTERNAL: "internal backend",
    Concept.CONTENT: "content prompt input safety",
    Concept.POLICY: "policy filter filtered filtering management",
    Concept.TEMPORARY: "temporarily momentarily",
    Concept.DEBT: "overdue arrears arrearage unpaid",
    Concept.OVERLOADED: """overloaded overload capacity overcapacity saturated busy degraded
        warming loading queued""",
    Concept.UPSTREAM: "upstream",
    Concept.UNAUTHORIZED: "unauthorized unauthorised unauthenticated",
    Concept.MODERATED: "moderation flagged guardrail guardrails injection inappropriate jailbreak",
    Concept.ABUSE: "violation violations violated violating abuse fraud suspicious terms",
    Concept.END: ". ! ? ;",
    Concept.PER: "per each every this / a an",
    Concept.SHORT: "second seconds sec minute minutes min hour hours",
    Concept.LONG: "day days week weeks month months year",
    Concept.SHORT_LIMIT: "rpm tpm qps rps qpm tps permin perminute persecond perhour",
    Concept.LONG_LIMIT: "rpd tpd perday perweek permonth",
    Concept.DAILY: "daily weekly monthly yearly today todays",
}
