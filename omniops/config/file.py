"""The config file as its values: found, read, and kept as JSON under the hash of its content, so that TOML is parsed
only when it has changed (10 ms). A file that cannot be trusted or understood is an error; one that is not there is not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from omniops.errors import BadInput

Values = dict[str, tuple[str, int]]
"""Setting -> (value, line)."""
Layers = dict[str, Values]
"""Environment -> its values; "" is the top of the file, which holds for all."""

NAME = "config.toml"
MOST_BYTES = 1 << 20
_FORMAT = "1"


class File:
    """A config file, with the values of one environment: its own table's over those of the top."""

    def __init__(self, path: Path, layers: Layers) -> None:
        self.path = path
        self.layers = layers
        self.environment = ""
        self.values: Values = dict(layers.get("", {}))

    @property
    def environments(self) -> list[str]:
        """The names of its tables."""
        return [name for name in self.layers if name]

    def choose(self, name: str) -> None:
        """Take the values of this environment; one without a table has those of the top."""
        self.environment = name
        self.values = {**self.layers.get("", {}), **self.layers.get(name, {})}


def config_path(env: Mapping[str, str]) -> Path:
    """Where the file is: OMNIOPS_HOME/config, else omniops/ in XDG_CONFIG_HOME (~/.config)."""
    return _folder(env, "config", "XDG_CONFIG_HOME", ".config") / NAME


def _folder(env: Mapping[str, str], name: str, xdg: str, fallback: str) -> Path:
    home = env.get("OMNIOPS_HOME", "").strip()
    if home:
        return Path(home).expanduser() / name
    base = env.get(xdg, "").strip()
    return (Path(base) if base else Path.home() / fallback) / "omniops"


def read(env: Mapping[str, str]) -> File | None:
    """Return the config file, None where there is none. Raises BadInput where it is unreadable or wrong."""
    path = config_path(env)
    data = _data(path)
    if data is None:
        return None
    folder = _folder(env, "cache", "XDG_CACHE_HOME", ".cache")
    key = _key(data)
    layers = _cached(folder / "config.json", key)
    if layers is None:
        from omniops.config.reading import parse

        layers = parse(data, str(path))
        _keep(folder / "config.json", key, layers)
    return File(path, layers)


def _data(path: Path) -> bytes | None:
    import stat

    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe there would hang every command
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "mend its permissions: chmod 600") from None
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise _unreadable(path, "it is no file", "move it away, then: omniops config init")
        if mode & stat.S_IWOTH:
            raise _unreadable(path, "everybody may write to it, and it can name commands", f"chmod 600 {path}")
        data = os.read(handle, MOST_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error), "mend the file") from None
    finally:
        os.close(handle)
    if len(data) > MOST_BYTES:
        raise _unreadable(path, f"it is larger than {MOST_BYTES >> 10} KB", "mend the file")
    return data


def _unreadable(path: Path, why: str, mend: str) -> BadInput:
    return BadInput(f"the config file is not read: {path}", why=why, state="nothing was attempted", next=mend)


def _key(data: bytes) -> str:
    from omniops import __version__
    from omniops.digest import sha256

    # A path may begin with ~, and what it means is kept with the rest.
    parts = (_FORMAT, __version__, _code(), os.path.expanduser("~"))
    return sha256("\0".join(parts).encode("utf-8", "surrogateescape") + b"\0" + data).hexdigest()


def _code() -> str:
    """What tells this code from another of the same version."""
    found = []
    for name in ("names.py", "reading.py"):
        try:
            status = os.stat(os.path.join(os.path.dirname(__file__), name))
        except OSError:
            continue
        found.append(f"{status.st_mtime_ns}.{status.st_size}")
    return " ".join(found)


def _cached(path: Path, key: str) -> Layers | None:
    """What was kept, if it is ours and of this content: it can name commands, so nobody else may have written it."""
    import json

    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_uid != os.getuid() or status.st_mode & 0o022:
                return None
            kept = json.loads(file.read(4 * MOST_BYTES))
        if kept["key"] != key:
            return None
        layers = kept["layers"]
        return {env: {name: (str(v), int(n)) for name, (v, n) in values.items()} for env, values in layers.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _keep(path: Path, key: str, layers: Layers) -> None:
    """Keep it, whole or not at all. Where that cannot be done nothing happens."""
    import json
    from contextlib import suppress

    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "w", encoding="utf-8") as file:
            json.dump({"key": key, "layers": layers}, file)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
