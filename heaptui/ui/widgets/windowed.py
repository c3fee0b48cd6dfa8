"""A table over any number of rows that are read a page at a time, when they come into sight; few are kept."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import overload

from textual import work
from textual.geometry import Size

from heaptui.ui.widgets.record_table import Column, RecordTable, Row

PAGE = 200
PAGES_KEPT = 20
READ_AT_ONCE = 2000
"""Rows read at once by whoever wants all of them."""
FOUND_AT_MOST = 10_000
"""Matching rows that are kept; a filter that matches more is no help yet."""

Reader = Callable[[int, int], Awaitable[Sequence[Row]]]
"""Reads some rows: from an offset, at most so many."""


class WindowedTable(RecordTable):
    """Shows `count` rows without ever holding more than a few thousand."""

    def __init__(self, *columns: Column, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(*columns, id=id)
        self._pages = _Pages(0, len(columns), self._want)
        self._reader: Reader | None = None
        self._wanted: set[int] = set()
        self._source: tuple[int, Reader | None] = (0, None)
        self._looked = 0

    def show_many(self, count: int, reader: Reader, *, anew: bool = False) -> None:
        """Show this many rows; those in sight are read again, the cursor stays where it is."""
        grown = count != self._source[0]
        self._source = (count, reader)
        if not self.needle:
            self._show_pages(count, reader, anew=anew)
        elif grown:
            self._find()

    def filter(self, text: str) -> None:
        """Show only rows that hold a text; they are looked for a part at a time."""
        if text.casefold() != self.needle:
            self.needle = text.casefold()
            self._find()

    @property
    def found(self) -> str:
        """How many rows match, and how far it was looked."""
        count = self._source[0]
        told = f"{len(self.rows):,} of {self._looked:,} match"
        if len(self.rows) >= FOUND_AT_MOST:
            return f"the first {told}"
        return told if self._looked >= count else f"{told}, looking through {count:,}"

    async def every_row(self) -> AsyncIterator[Sequence[Row]]:
        """All rows that match the filter, some at a time, also those that were never in sight."""
        async for rows in self._read_all():
            yield [row for row in rows if row.holds(self.needle)]

    async def _read_all(self) -> AsyncIterator[Sequence[Row]]:
        count, reader = self._source
        for offset in range(0, count, READ_AT_ONCE):
            assert reader is not None
            yield await reader(offset, min(READ_AT_ONCE, count - offset))

    @work(group="find", exclusive=True, exit_on_error=True, description="look for rows")
    async def _find(self) -> None:
        """Show what matches as it is found; without a filter, everything."""
        count, reader = self._source
        self._looked = 0
        if not self.needle:
            if reader is not None:
                self._show_pages(count, reader, anew=True)
            return
        found: list[Row] = []
        async for rows in self._read_all():
            found += [row for row in rows if row.holds(self.needle)]
            self._looked += len(rows)
            self._show_rows(found[:FOUND_AT_MOST])
            self.post_message(self.RowsChanged())
            if len(found) >= FOUND_AT_MOST:
                break

    def _show_pages(self, count: int, reader: Reader, *, anew: bool) -> None:
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
        self.post_message(self.RowsChanged())

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
