"""Text files that users write: UTF-8 with or without a byte-order mark, with clear errors for what cannot be read."""

from pathlib import Path

from imbalance_aware.errors import UserError

SAVE_AS_UTF8 = (
    "save it as UTF-8 (in a spreadsheet: the file type `CSV UTF-8`; in a text editor: the encoding UTF-8), or convert "
    "it: iconv -f CP1252 -t UTF-8"
)


def read_text(path: Path, content: str = "a text file") -> str:
    """The text of ``path``, without a byte-order mark.

    Args:
        path: the file.
        content: what such a file is and holds, for the message if there is none.

    Raises:
        UserError: there is no such file, a folder is in its place, it may not be read, or it is not UTF-8; the message
            names the line and the byte.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file (looked in {path.parent.absolute()}). It is {content}.") from None
    except (IsADirectoryError, NotADirectoryError):
        raise UserError(f"{path}: this is a folder, but a file is needed. It is {content}.") from None
    except PermissionError:
        raise UserError(f"{path}: no permission to read this file; change its permissions") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # With "utf-8-sig" the position counts from behind the mark.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        line = data.count(b"\n", 0, start) + 1
        raise UserError(f"{path}, line {line}: byte 0x{data[start]:02x} is not UTF-8; {SAVE_AS_UTF8}") from None
