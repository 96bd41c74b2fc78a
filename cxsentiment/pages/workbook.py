"""Tables as one Excel workbook, a sheet each. Every text is stored as text, so no cell is ever taken for a formula."""

import io
import math
from collections.abc import Mapping, Sequence

from cxsentiment.spreadsheets import FORMULA, Cell
from cxsentiment.text import clean

_LONGEST = 32_767  # characters that a cell holds
_CUT = " … [cut: a cell holds no more]"
_SHEET_NAME = 31
_WIDEST, _NARROWEST = 60, 10
_MEASURED = 200  # rows from which a column's width is taken


def workbook(tables: Mapping[str, tuple[Sequence[str], Sequence[Sequence[Cell]]]]) -> bytes:
    """The tables (column names, rows) by name as an .xlsx file; a number that is not finite is an empty cell."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    book.properties.creator = "cxsentiment"
    for name, (columns, rows) in tables.items():
        sheet = book.create_sheet(name[:_SHEET_NAME])
        sheet.freeze_panes = "A2"
        for place, column in enumerate(columns, start=1):
            texts = [cell for row in rows[:_MEASURED] if isinstance(cell := row[place - 1], str)]
            longest = max(map(len, texts), default=0)
            width = min(_WIDEST, max(_NARROWEST, len(column) + 2, longest))
            sheet.column_dimensions[get_column_letter(place)].width = width
        heads = []
        for column in columns:
            head = WriteOnlyCell(sheet, column)
            head.font = Font(bold=True)
            heads.append(head)
        sheet.append(heads)
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def _cell(sheet: object, value: Cell) -> object:
    from openpyxl.cell import WriteOnlyCell

    if isinstance(value, str):
        text = clean(value)
        if len(text) > _LONGEST:
            text = text[: _LONGEST - len(_CUT)] + _CUT
        cell = WriteOnlyCell(sheet, text)
        cell.data_type = "s"
        # Excel shows the text as it is, and keeps it text when the cell is edited or the sheet saved as CSV.
        cell.style = "Normal"
        cell.quotePrefix = text.startswith(tuple(FORMULA))
        return cell
    return None if isinstance(value, float) and not math.isfinite(value) else value
