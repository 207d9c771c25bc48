"""How the tour looks: quiet typography that follows the terminal's width, plain text elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from .mailbox import text_of

WIDEST = 100
INDENT = 6
DIM, GOOD, BAD, ACCENT, STRONG = "bright_black", "green", "bold red", "cyan", "bold"


class Progress:
    """Says how far something is."""

    def __init__(self, tell: Callable[[str], None] = lambda _: None) -> None:
        self.tell = tell


class Screen:
    """Prints the tour; ``width`` None takes the terminal's, up to ``WIDEST`` columns."""

    def __init__(self, *, colour: bool = True, width: int | None = None) -> None:
        # Named, because Console looks up the encoding of a file that it is given only.
        console = Console(file=sys.stdout, highlight=False, emoji=False, width=width)
        if not colour or not console.is_terminal:
            # Without a terminal not even bold: what is printed may end up in a file.
            console = Console(
                file=sys.stdout, color_system=None, highlight=False, emoji=False, width=width
            )
        console.width = min(console.width, WIDEST)
        self._console = console
        self._after_blank = False
        # A terminal without UTF-8 gets letters instead of failing on a tick.
        fancy = console.encoding.startswith("utf")
        self.tick, self.cross, self.dot = ("✓", "✗", "·") if fancy else ("ok", "NO", "-")
        self.arrow, self.line = ("→", "─") if fancy else ("->", "-")

    # -- the frame ----------------------------------------------------------------------------

    def title(self, text: str, aside: str) -> None:
        """The head of the tour."""
        self._blank()
        line = Table.grid(expand=True)
        line.add_column()
        line.add_column(justify="right")
        line.add_row(Text(text, STRONG), Text(aside, DIM))
        self._show(line, indent=2, wide=True)
        self._show(Rule(characters=self.line, style=DIM), indent=2, wide=True)

    def facts(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Names with their values and what they are, aligned."""
        grid = self._grid()
        for name, value, meaning in rows:
            grid.add_row(Text(name, ACCENT), value, Text(meaning, DIM))
        self._show(grid, indent=2)

    def scene(self, number: int, title: str, story: str, promise: str) -> None:
        """The head of a scene, what it is about, and what it promises."""
        self._blank()
        self._show(Text.assemble((f"{number:>2}  ", DIM), (title, STRONG)), indent=2)
        self._show(Text(story, DIM))
        self._show(self._marked("announced", ACCENT, Text(promise)))

    def step(self, number: int, what: str, when: str) -> None:
        """The head of a step, and the moment at which it ended."""
        self._blank()
        line = Table.grid(expand=True)
        line.add_column(width=4)
        line.add_column(ratio=1)
        line.add_column(justify="right", no_wrap=True)
        line.add_row(Text(f"{number:>2}", DIM), Text(what, STRONG), Text(f"  {when}", DIM))
        self._show(line, indent=2, wide=True)

    def deed(self, actor: str, what: str) -> None:
        """What somebody does: a front end, a customer, the clock."""
        told = Text.assemble((f"{actor} ", ACCENT), what, overflow="fold")
        self._show(self._marked(self.arrow, ACCENT, told))

    def held(self, what: str) -> None:
        """A comparison that came out as announced."""
        self._show(self._marked(self.tick, GOOD, Text(what)))

    def differs(self, what: str) -> None:
        """A comparison that did not."""
        self._show(self._marked(self.cross, BAD, Text(what, BAD)))

    @contextmanager
    def progress(self, what: str) -> Iterator[Progress]:
        """A line that counts while something long goes on; nothing at all off a terminal."""
        if not self._console.is_terminal:
            yield Progress()
            return
        with self._console.status(Text(what, DIM), spinner="dots", spinner_style=ACCENT) as status:
            yield Progress(lambda told: status.update(Text(f"{what}  {told}", DIM)))

    # -- what is shown ------------------------------------------------------------------------

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()
    ) -> None:
        """A table; columns in ``right`` are numbers."""
        table = self._ruled()
        for number, name in enumerate(head):
            table.add_column(name, justify="right" if number in right else "left")
        for row in rows:
            table.add_row(*row)
        self._blank()
        self._show(table)
        self._blank()

    def sums(self, rows: Sequence[tuple[str, str]]) -> None:
        """Amounts under each other; the last one is what counts."""
        grid = self._grid(right=(1,))
        for name, amount in rows[:-1]:
            grid.add_row(Text(name, DIM), amount)
        name, amount = rows[-1]
        grid.add_row(Text(name, STRONG), Text(amount, STRONG))
        self._show(grid)

    def quotation(self, text: str) -> None:
        """Somebody's own words."""
        self._show(Text(text, DIM))

    def letter(self, letter: EmailMessage, *, lines: int | None = None) -> None:
        """An e-mail as it was received; ``lines`` cuts it to its first so many."""
        body = text_of(letter).splitlines()
        cut = body if lines is None or len(body) <= lines else [*body[:lines], "…"]
        head = self._grid()
        for name in ("From", "To", "Subject"):
            value = Text(str(letter[name]), STRONG if name == "Subject" else "")
            head.add_row(Text(name, DIM), value)
        table = Table.grid()
        table.add_row(head)
        table.add_row("")
        table.add_row(Text("\n".join(cut), overflow="fold"))
        # Less indented: e-mail is wrapped at 72 columns, which then fit into 80.
        width = min(self._console.width - 4, 78)
        panel = Panel(table, border_style=DIM, title="e-mail", title_align="left", width=width)
        self._show(panel, indent=4)

    def log(self, name: str, lines: Sequence[str]) -> None:
        """The end of a process's log."""
        text = Text("\n".join(lines) or "(it printed nothing)")
        self._show(Panel(text, border_style=DIM, title=f"{name}, last lines", title_align="left"))

    # -- the end ------------------------------------------------------------------------------

    def summary(self, rows: Sequence[tuple[bool | None, str, str, str, str]]) -> None:
        """Every scene: how it went, title, announced, happened, time. None: it was not played."""
        table = self._ruled()
        table.add_column("")
        table.add_column("step", ratio=6)
        table.add_column("announced", ratio=8)
        table.add_column("happened", ratio=8)
        table.add_column("time", justify="right", no_wrap=True)
        marks = {True: (self.tick, GOOD), False: (self.cross, BAD), None: (self.dot, DIM)}
        for went, title, announced, happened, time in rows:
            style = DIM if went is None else ""
            cells = [Text(cell, style) for cell in (title, announced, happened, time)]
            table.add_row(Text(*marks[went]), *cells)
        self._blank()
        self._show(Rule(characters=self.line, style=DIM), indent=2, wide=True)
        self._show(table, indent=2)

    def verdict(self, went_well: bool, text: str) -> None:
        """The last line."""
        self._blank()
        mark, style = (self.tick, GOOD) if went_well else (self.cross, BAD)
        self._show(self._marked(mark, style, Text(text, STRONG)), indent=2)
        self._blank()

    def heading(self, text: str) -> None:
        """What comes below."""
        self._blank()
        self._show(Text(text, DIM), indent=2)

    def verbatim(self, text: str) -> None:
        """A line to be copied: never wrapped."""
        self._write(f"  {text}")

    def failed(self, text: str) -> None:
        """One clear line in place of a tour."""
        self._show(self._marked(self.cross, BAD, Text(text)), indent=2)

    # -- how it is laid out -------------------------------------------------------------------

    def _show(self, what: RenderableType, indent: int = INDENT, *, wide: bool = False) -> None:
        with self._console.capture() as captured:
            self._console.print(Padding(what, (0, 0, 0, indent), expand=wide))
        # Rich fills every line up; what is copied or saved from a terminal should end with words.
        lines = "\n".join(line.rstrip() for line in captured.get().splitlines())
        self._write(lines.strip("\n"))

    def _write(self, text: str) -> None:
        encoding = self._console.encoding
        self._console.file.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self._console.file.flush()
        self._after_blank = False

    def _blank(self) -> None:
        """One empty line, however often it is asked for in a row."""
        if not self._after_blank:
            self._console.file.write("\n")
        self._after_blank = True

    def _marked(self, mark: str, style: str, what: Text) -> Table:
        """A mark before text that wraps under itself."""
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(mark, style), what)
        return grid

    def _ruled(self) -> Table:
        """A table with a line under its head and nothing else."""
        table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
        table.header_style = table.border_style = DIM
        return table

    def _grid(self, right: Sequence[int] = ()) -> Table:
        grid = Table.grid(padding=(0, 3))
        for number in range(2):
            grid.add_column(justify="right" if number in right else "left", overflow="fold")
        return grid
