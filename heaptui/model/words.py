"""Numbers with their words, as screens, commands and receipts say them."""


def counted(count: int, thing: str) -> str:
    """`1 request`, `1,204 requests`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def headcount(count: int) -> str:
    """`1 person`, `12,345 people`."""
    return "1 person" if count == 1 else f"{count:,} people"


def joining(adds: int, removes: int) -> str:
    """`+1,204 join, -310 leave`; nobody has no sign."""
    return f"{adds:+,} join, {-removes:+,} leave".replace("+0 ", "0 ")


def span(seconds: float) -> str:
    """A time to wait, never told as none: `0.4 s`, `15 s`."""
    return f"{max(0.1, seconds):.1f} s" if seconds < 9.95 else f"{seconds:,.0f} s"


def percent(share: float) -> str:
    """0.92 as `92 %`."""
    return f"{100 * share:.0f} %"
