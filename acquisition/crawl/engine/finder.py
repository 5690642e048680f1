"""Finds a spider: a registered one, a file of ./spiders/, or a path of the user's."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from scrapy import Spider

from acquisition import plugins
from acquisition.errors import PluginError

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


def find_spider(reference: str, base: Path) -> type[Spider]:
    """Return the spider's class; PluginError says what was looked for and what there is.

    `reference` is a name (an entry point of the group acquisition.spiders, else spiders/NAME.py below `base`) or
    path/to/file.py:Class; without a class the file must define exactly one spider.
    """
    path, _, wanted = reference.partition(".py:") if ".py:" in reference else (reference.removesuffix(".py"), "", "")
    if reference.endswith(".py") or wanted:
        return _from_file(base / f"{path}.py", wanted)
    if reference in plugins.registered(plugins.SPIDERS):
        return _checked(plugins.load(plugins.SPIDERS, reference), reference)
    file = base / "spiders" / f"{reference}.py"
    if _NAME.fullmatch(reference) and file.is_file():
        return _from_file(file, "")
    known = ", ".join(sorted(plugins.registered(plugins.SPIDERS))) or "none"
    raise PluginError(
        f"there is no spider {reference!r}: it is neither registered (there are: {known}) nor a file {file}",
        hint="Write the name of a file in ./spiders/, or path/to/file.py:Class.",
    )


def _from_file(file: Path, wanted: str) -> type[Spider]:
    if not file.is_file():
        raise PluginError(f"there is no file {file}", hint="A spider's path is relative to the folder of sources.yaml.")
    module = _imported(file)
    own = [value for value in vars(module).values() if _is_spider(value) and value.__module__ == module.__name__]
    if wanted:
        return _checked(getattr(module, wanted, None), f"{file}:{wanted}")
    if len(own) != 1:
        names = ", ".join(sorted(spider.__name__ for spider in own)) or "none"
        raise PluginError(f"{file} defines {len(own)} spiders ({names}); one is expected", hint="Name it: file.py:Class.")
    return _checked(own[0], str(file))


def _imported(file: Path) -> ModuleType:
    """Import a file as a module of its own; its folder is importable, as with `scrapy runspider`."""
    name = f"acquisition_spider_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} cannot be imported as a Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a spider's module may raise anything; name it
        raise PluginError(f"spider {file} cannot be imported: {error!r}") from error
    return module


def _is_spider(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, Spider)


def _checked(value: Any, reference: str) -> type[Spider]:
    if not _is_spider(value):
        raise PluginError(f"{reference} is no Scrapy spider: {value!r}")
    found: type[Spider] = value
    return found
