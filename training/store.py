"""Writes a finished bundle anew in another storage, without training: `python -m training.store models/mine …`.

The weights are those of the bundle, as exactly as it holds them; heads are calibrated anew on the development part of
the tables that its recipe describes, and the gates of the export must be passed.
"""

import argparse
import json
from pathlib import Path
from typing import get_args

from cxsentiment.errors import CxError, UsageError
from cxsentiment.model import BUNDLE_FILE, read_bundle
from training.config import Config


def store(folder: Path, storage: str, version: str, data: Path, out: Path) -> Path:
    """Write the bundle in `folder` to `out` in `storage` under `version`; return `out`. `data`: the sources' folder.

    Raises UsageError for a campaign's model, whose development turns are the team's and lie elsewhere.
    """
    from tokenizers import Tokenizer

    from training.bundle import check_folder, write_bundle
    from training.data import build
    from training.weights import load_network

    bundle, sha256 = read_bundle(folder)
    before = Config.model_validate(bundle.training["recipe"])
    if before.campaign is not None:
        raise UsageError(str(folder), "is a campaign's model", do="Set `storage` in its recipe and train it again")
    config = before.model_copy(update={"storage": storage, "version": version})
    here = config.model_copy(update={"start": ()})  # what training started from is not needed, and may be elsewhere
    check_folder(out, here)
    network = load_network(folder)
    tokeniser = Tokenizer.from_file(str(folder / "tokenizer.json"))
    told = {key: value for key, value in bundle.training.items() if key not in ("parity", "dev")}
    told |= {"recipe": config.model_dump(exclude_none=True), "recipe_sha256": config.sha256}
    told |= {"stored_from": {f"{bundle.name} {bundle.version}": sha256}}
    split = json.loads((folder / "split.json").read_text(encoding="utf-8"))
    written = write_bundle(network, tokeniser, here, build(data, here), told, out, split)
    print(f"wrote {out}: {json.dumps(written.training['parity'])}")
    return out


def main() -> None:
    """Read the command line and store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help=f"a model folder, with its {BUNDLE_FILE}")
    storages = get_args(Config.model_fields["storage"].annotation)
    parser.add_argument("--storage", choices=storages, required=True)
    parser.add_argument("--version", required=True, help="what the new bundle calls itself")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sources")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    try:
        store(given.model, given.storage, given.version, given.data, given.out)
    except CxError as error:
        raise SystemExit(error.message) from error


if __name__ == "__main__":
    main()
