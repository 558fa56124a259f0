"""Being told when a module has been imported, so that what an app imports later is hooked too."""

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["ArrivalFinder", "call_when_imported"]

Arrived = Callable[[ModuleType], None]


def call_when_imported(modules: Sequence[str], arrived: Arrived) -> "ArrivalFinder":
    """Call `arrived` with each of `modules` that is there, and with the others when they come.

    The result stands in `sys.meta_path` until its `remove` is called; a reload counts as well.
    """
    finder = ArrivalFinder(modules, arrived)
    sys.meta_path.insert(0, finder)
    for name in modules:
        if sys.modules.get(name) is not None:
            # Waits for an import that another thread is in the middle of.
            arrived(importlib.import_module(name))
    return finder


class ArrivalFinder(MetaPathFinder):
    """Finds nothing itself: it asks the other finders, and wraps the loader that they give."""

    def __init__(self, modules: Sequence[str], arrived: Arrived) -> None:
        self._modules = frozenset(modules)
        self._arrived = arrived

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Called for every import, so it looks at the name and is gone."""
        if fullname not in self._modules:
            return None
        # Only those after this one: others of this kind ask on in turn.
        at = sys.meta_path.index(self) if self in sys.meta_path else -1
        for finder in sys.meta_path[at + 1 :]:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _ArrivalLoader(spec.loader, self._arrived)
                return spec
        return None

    def remove(self) -> None:
        """Be told of nothing more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class _ArrivalLoader(Loader):
    """Loads by the module's own loader, which is the only one to be seen on the module."""

    def __init__(self, loader: Loader, arrived: Arrived) -> None:
        self._loader = loader
        self._arrived = arrived

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None and module.__spec__.loader is self:
            module.__spec__.loader = self._loader
        if module.__loader__ is self:
            module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._arrived(module)
