"""A table over any number of rows that are read a page at a time, when they come into sight; few are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import overload

from textual import work
from textual.geometry import Size

from heaptui.ui.widgets.record_table import Column, RecordTable, Row

PAGE = 200
PAGES_KEPT = 20

Reader = Callable[[int, int], Awaitable[Sequence[Row]]]
"""Reads some rows: from an offset, at most so many."""


class WindowedTable(RecordTable):
    """Shows `count` rows without ever holding more than a few thousand."""

    def __init__(self, *columns: Column, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(*columns, id=id)
        self._pages = _Pages(0, len(columns), self._want)
        self._reader: Reader | None = None
        self._wanted: set[int] = set()

    def show_many(self, count: int, reader: Reader, *, anew: bool = False) -> None:
        """Show this many rows; those in sight are read again, the cursor stays where it is."""
        pages = _Pages(count, len(self.columns), self._want)
        if not anew:
            pages.take_over(self._pages)
        self._pages, self._reader = pages, reader
        self.rows = pages
        self.virtual_size = Size(0, count + 1)
        self.cursor = 0 if anew else min(self.cursor, max(0, count - 1))
        self._want(self.cursor // PAGE)
        self.refresh()
        self._tell()

    def _want(self, page: int) -> None:
        """A page came into sight."""
        if page not in self._wanted and self._reader is not None:
            self._wanted.add(page)
            self._fetch()

    @work(group="rows", exit_on_error=True, description="read rows")
    async def _fetch(self) -> None:
        while self._wanted and self._reader is not None:
            page = self._wanted.pop()
            pages = self._pages
            pages.keep(page, await self._reader(page * PAGE, PAGE))
        if self.is_attached:
            self.refresh()
            self._tell()


class _Pages(Sequence[Row]):
    """The pages read lately; a row of another page is a placeholder, and its page is asked for."""

    def __init__(self, count: int, columns: int, want: Callable[[int], None]) -> None:
        self._count, self._columns, self._want = count, columns, want
        self._kept: OrderedDict[int, Sequence[Row]] = OrderedDict()
        self._stale: dict[int, Sequence[Row]] = {}

    def take_over(self, before: _Pages) -> None:
        """Show the rows of before until they are read again."""
        self._stale = dict(before._kept)

    def keep(self, page: int, rows: Sequence[Row]) -> None:
        """A page was read."""
        self._stale.pop(page, None)
        self._kept[page] = rows
        self._kept.move_to_end(page)
        while len(self._kept) > PAGES_KEPT:
            self._kept.popitem(last=False)

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, slice):
            return [self._at(i) for i in range(*index.indices(self._count))]
        if not 0 <= index < self._count:
            raise IndexError(index)
        page = index // PAGE
        if page not in self._kept:
            self._want(page)
        return self._at(index)

    def _at(self, index: int) -> Row:
        page, place = divmod(index, PAGE)
        rows = self._kept.get(page) or self._stale.get(page) or ()
        return rows[place] if place < len(rows) else Row("", ("…",) * self._columns)
