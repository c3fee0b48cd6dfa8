"""Numbers with their words, as screens, commands and receipts say them."""


def counted(count: int, thing: str) -> str:
    """`1 request`, `1,204 requests`."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def percent(share: float) -> str:
    """0.92 as `92 %`."""
    return f"{100 * share:.0f} %"
