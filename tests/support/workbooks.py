"""Excel workbooks, as small as they may be."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def parts_of(column, *, shared=True, sheet="worksheets/sheet1.xml", beside="a second column"):
    """Return the parts of a workbook whose column A holds `column`, by their paths in the zip."""
    rows = []
    for number, text in enumerate(column, start=1):
        value = (
            f'<c r="A{number}" t="s"><v>{number - 1}</v></c>'
            if shared
            else f'<c r="A{number}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'
        )
        other = f'<c r="B{number}" t="str"><v>{beside}</v></c>'
        rows.append(f'<row r="{number}">{value}{other}</row>')
    # The second half of each text is formatted differently, with a phonetic hint.
    texts = "".join(
        f"<si><r><t>{escape(text[:3])}</t></r><r><t>{escape(text[3:])}</t></r>"
        f"<rPh><t>no text</t></rPh></si>"
        for text in column
    )
    return {
        "[Content_Types].xml": "<Types/>",
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>'
        '<sheet name="Clips" sheetId="7" r:id="rId7"/><sheet name="Other" sheetId="1" r:id="rId1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="rId1" Target="other.xml"/>'
        f'<Relationship Id="rId7" Target="{sheet}"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(rows)}'
        "</sheetData></worksheet>",
        **({"xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>'} if shared else {}),
    }


def write_workbook(path, parts, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as workbook:
        for name, content in parts.items():
            workbook.writestr(name, content)
    return Path(path)
