"""The server as a dry run sees it: reads are made, and what was assumed to be written is laid over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omniops.services.omniroute import Combo, Connection, OmniRoute


class Assumed:
    """Stands in for the client of OmniRoute. Without it every step would see the world as the first one found it, and a
    dry run would promise what the second change of a real one is refused."""

    def __init__(self, real: OmniRoute) -> None:
        self._real = real
        self._active: dict[str, bool] = {}
        self._models: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def assume(self, desired: dict[str, Any]) -> None:
        """Take a change for made; ``desired`` is what its action wants. Only connections and combos are kept here."""
        if "isActive" in desired:
            self._active[str(desired["id"])] = bool(desired["isActive"])
        elif "id" in desired and "models" in desired:
            self._models[str(desired["id"])] = list(desired["models"])

    def connections(self) -> list[Connection]:
        return [self._seen(connection) for connection in self._real.connections()]

    def connection(self, id: str) -> Connection | None:
        found = self._real.connection(id)
        return self._seen(found) if found else None

    def combos(self) -> list[Combo]:
        return [combo._replace(models=self._models.get(combo.id, combo.models)) for combo in self._real.combos()]

    def _seen(self, connection: Connection) -> Connection:
        return connection._replace(active=self._active.get(connection.id, connection.active))
