"""Distributions as pip leaves them: a .dist-info folder with entry points, and a module, in a folder on the path."""

from pathlib import Path

DIALLER = '''
"""A dialler's log: `# call ID`, then lines `seconds|A or C|text`. Files of its kind begin with `dialler 1`."""

import re

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.encoding import read_text
from cxsentiment.ingest.formats import FileFormat, Format

def read(origin):
    text, _ = read_text(origin.source)
    for part in text.split("# call ")[1:]:
        name, *lines = part.strip().split("\\n")
        contact = Contact([], id=name, channel="call", agent_id="ana")
        for line in lines:
            if not re.match(r"\\d+\\|", line):
                yield InputError("bad_line", f"{origin.where}, call {name}", f"has the line {line}")
                break
            start, who, said = line.split("|", 2)
            contact.entries.append(Entry(said, who, float(start), role="agent" if who == "A" else None))
        else:
            yield contact

DIALLER = FileFormat(
    Format("dialler", "Dialler log", "", "A: agent; --role declares C", "seconds", "cxsentiment check calls.log"),
    (".log",),
    lambda head: head.text.startswith("dialler 1"),
    read,
)
'''
LOG = """dialler 1
# call one
0|A|Hello, Anna speaking. How can I help?
4|C|This is terrible, my card 4111 1111 1111 1111 does not work!
9|A|I am sorry. One moment.
# call two
0|A|Hello?
and here jane@mail.com speaks
"""


def distribution(folder: Path, name: str, module: str, *entry_points: str, version: str = "1.0") -> Path:
    """Make a distribution of one module, which has its name, in `folder`; entry points are `format = MODULE:OBJECT`."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text("\n".join(["[cxsentiment.readers]", *entry_points, ""]))
    (folder / f"{name}.py").write_text(module)
    return folder
