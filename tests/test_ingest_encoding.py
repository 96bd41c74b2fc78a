from pathlib import Path

import pytest

from cxsentiment.errors import InputError
from cxsentiment.ingest.encoding import detect_encoding, read_text


@pytest.mark.parametrize(
    ("data", "name", "warned"),
    [
        ("café".encode(), "utf-8-sig", False),
        ("\ufeffcafé".encode(), "utf-8-sig", False),
        ("café".encode("utf-16"), "utf-16", False),
        (b"\xfe\xff" + "café".encode("utf-16-be"), "utf-16", False),
        ("It’s a café – really".encode("cp1252"), "cp1252", True),
        (b"caf\xc3", "cp1252", True),
        (b"hello\x00 there, how are you?", "utf-8-sig", False),
        (b"", "utf-8-sig", False),
    ],
)
def test_encodings(tmp_path: Path, data: bytes, name: str, warned: bool) -> None:
    path = tmp_path / "text"
    path.write_bytes(data)
    encoding = detect_encoding(path)
    assert (encoding.name, encoding.warning is not None) == (name, warned)
    assert "\ufeff" not in read_text(path)[0]


def test_a_broken_byte_costs_a_character_and_not_the_others(tmp_path: Path) -> None:
    path = tmp_path / "text"
    said = "“Zoë’s café” is open … déjà vu"
    for data in (said.encode() + b" caf\xc3", b"caf\xe9 " * 2 + said.encode() * 3, b"\xef\xbb\xbfcaf\xe9"):
        path.write_bytes(data)
        text, warning = read_text(path)
        assert "\ufffd" in text
        assert (said in text) == (said.encode() in data)
        assert warning is not None
        assert "UTF-8 with broken bytes (1" in warning or "(2)" in warning
    for data in ("Zoë’s Ã© café".encode("cp1252"), "добрый день, спасибо, hello there friend, a".encode("cp1251")):
        path.write_bytes(data + b" plain English words" * 10)
        assert detect_encoding(path).name == "cp1252"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("hello there".encode("utf-16-le"), "encoding"),
        ("您好，请问有什么可以帮您？".encode("gb18030"), "encoding"),
        (b"caf\xe9 \x81", "encoding"),
        (b"\xff\xfea\x00b\x00\x00\xdc", "encoding"),
        (b"\xff\xfea\x00b", "encoding"),
        (b"\xe9\x01\x02\x03 bytes", "not_text"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "text"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        detect_encoding(path)
    assert caught.value.code == code


def test_a_whole_file_has_a_limit(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"x" * 2048)
    with pytest.raises(InputError) as caught:
        detect_encoding(path, limit=1024)
    assert caught.value.code == "too_large"
