"""Words of refusals, each with the one concept it stands for: who, what, how, for how long."""

from collections.abc import Mapping
from enum import IntEnum, auto


class Concept(IntEnum):
    """What a word stands for. Numbers, since enums of other kinds are slow as keys."""

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
    # what is said of it
    INVALID = auto()
    REFUSED = auto()
    SPENT = auto()
    LACK = auto()
    NOT = auto()
    POSITIVE = auto()  # becomes ABSENT after a NOT
    ABSENT = auto()
    SUPPORTED = auto()  # becomes INVALID after a NOT
    ENOUGH = auto()  # becomes LACK after a NOT
    MANY = auto()
    HIGH = auto()
    REQUIRES = auto()
    ADVICE = auto()  # what follows is recommended: nothing is said to be missing
    RATE = auto()
    FAILED = auto()
    INTERNAL = auto()
    CONTENT = auto()
    POLICY = auto()
    TEMPORARY = auto()
    END = auto()  # of a sentence: what follows is said of something else
    # enough alone
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
    Concept.KEY: """apikey apikeys credential credentials authentication authenticate login
        signature jwt password""",
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
    Concept.ALLOWANCE: "quota quotas allowance allocation usage plan tier trial package",
    Concept.LIMIT: "limit limits limited cap",
    Concept.UNIT: "requests tokens calls queries messages neurons",
    Concept.LOAD: "demand load traffic volume queue",
    Concept.HIGH: "high heavy peak experiencing unusual",
    Concept.MANY: "many",
    Concept.SERVERS: """instances workers servers channels providers replicas backends upstreams
        deployments""",
    Concept.INVALID: """invalid incorrect wrong malformed missing unknown bad unrecognized
        unrecognised unsupported nonexistent mismatched
        unexpected""",
    Concept.REFUSED: """disabled deactivated suspended suspension banned ban blocked restricted
        terminated closed locked frozen revoked expired inactive hold denied rejected deprecated
        decommissioned retired removed discontinued deleted cancelled canceled gated""",
    Concept.SPENT: """exceeded exceed exceeds exceeding reached reach exhausted depleted used
        consumed spent finished hit over low empty out negative zero crossed full""",
    Concept.LACK: "insufficient inadequate",
    Concept.NOT: """not no cannot non never unable isn doesn don aren won without cant isnt doesnt
        dont didn didnt hasn""",
    Concept.POSITIVE: """valid found exist exists available enabled active activated running
        allowed permitted entitled authorized authorised access recognized recognised serverless
        open opened accessible""",
    Concept.SUPPORTED: "supported",
    Concept.ENOUGH: "enough sufficient",
    Concept.ABSENT: "unavailable",
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

# Chinese words as the English ones above, so that one set of rules serves both.
CHINESE: Mapping[str, str] = {
    "令牌": "api key",
    "密钥": "api key",
    "秘钥": "api key",
    "鉴权": "authentication",
    "认证": "authentication",
    "身份验证": "authentication",
    "账户": "account",
    "账号": "account",
    "帐户": "account",
    "帐号": "account",
    "用户": "user",
    "组织": "organization",
    "模型": "model",
    "渠道": "channel",
    "接口": "endpoint",
    "参数": "parameter",
    "余额": "balance",
    "费用": "cost",
    "欠费": "overdue",
    "逾期": "overdue",
    "充值": "add credits",
    "额度": "quota",
    "限额": "limit",
    "配额": "quota",
    "用量": "usage",
    "套餐": "plan",
    "资源包": "package",
    "次数": "calls",
    "上限": "limit",
    "不足": "insufficient",
    "无可用": "no available",
    "已用尽": "exhausted",
    "用尽": "exhausted",
    "用完": "exhausted",
    "耗尽": "exhausted",
    "超出": "exceeded",
    "超过": "exceeded",
    "超限": "limit exceeded",
    "达到": "reached",
    "无效": "invalid",
    "错误": "incorrect",
    "不正确": "incorrect",
    "过期": "expired",
    "失效": "expired",
    "禁用": "disabled",
    "封禁": "banned",
    "停用": "disabled",
    "冻结": "frozen",
    "锁定": "locked",
    "下线": "removed",
    "失败": "failed",
    "未提供": "no",
    "不存在": "not found",
    "不可用": "not available",
    "不支持": "not supported",
    "未开通": "not enabled",
    "无权限": "not authorized",
    "无权": "not authorized",
    "没有权限": "not authorized",
    "速率": "rate",
    "频率": "rate",
    "限流": "rate limit",
    "请求过多": "rate limit exceeded",
    "并发": "concurrency",
    "每分钟": "per minute",
    "每秒": "per second",
    "每小时": "per hour",
    "每天": "per day",
    "每日": "daily",
    "今日": "today",
    "当日": "today",
    "今天": "today",
    "每周": "weekly",
    "每月": "monthly",
    "本月": "monthly",
    "繁忙": "busy",
    "过载": "overloaded",
    "负载已饱和": "overloaded",
    "饱和": "overloaded",
    "负载过高": "overloaded",
    "上游": "upstream",
    "敏感": "inappropriate",
    "违规": "inappropriate",
    "地区": "region",
}
