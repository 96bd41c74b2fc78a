"""A page as PDF, by a browser that is installed on this machine. It fetches nothing: the page has all inside."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from cxsentiment.errors import RunError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
"""Names on the PATH under which a browser that can print is looked for."""
_SECONDS = 180


def pdf(page: str) -> bytes:
    """The page (HTML) as PDF. Raises RunError where no such browser is found, or it cannot print."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        raise RunError(
            "--format pdf",
            "needs an installed Chromium, Chrome or Edge, and none is on the PATH",
            do="Install one (apt install chromium), or open index.html in any browser and print it to a file",
        )
    with tempfile.TemporaryDirectory(prefix="cxsentiment-") as folder:
        source, target = Path(folder) / "page.html", Path(folder) / "page.pdf"
        source.write_text(page, encoding="utf-8", errors="replace")
        said = _print(browser, source, target, Path(folder) / "profile")
        if not target.exists():
            raise RunError(
                "--format pdf", f"{browser} did not print: {said or 'it said nothing'}",
                do="Open index.html in a browser and print it to a file",
            )  # fmt: skip
        return target.read_bytes()


def _print(browser: str, source: Path, target: Path, profile: Path) -> str:
    """Run the browser without a window and without a network; return the last line it said, or why it did not run."""
    command = [
        browser, "--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions",
        "--disable-background-networking", "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={profile}",
        "--no-pdf-header-footer", f"--print-to-pdf={target}", source.as_uri(),
    ]  # fmt: skip
    if os.name == "posix" and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # for root, Chromium starts in no other way
    try:
        # chromium with flags of ours, no shell
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False, errors="replace")  # nosec B603
    except subprocess.TimeoutExpired:
        return f"it took more than {_SECONDS} s"
    except OSError as error:
        return error.strerror or str(error)
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else ""
