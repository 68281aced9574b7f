"""The load balancer in front of the simulated replicas: round robin over those in rotation, as Caddy does it."""

from __future__ import annotations

from omniops.drill.world import World


class Balancer:
    """Chooses the replica that answers the next request. Bad replicas have been dropped, unless a fault keeps them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = 0

    def pick(self) -> int | None:
        """Return the index of the next replica in rotation, None when there is none."""
        with self._world.lock:
            replicas = self._world.data["replicas"]
            live = [index for index, one in enumerate(replicas) if one["in"] and one["running"]]
            if not live:
                return None
            self._turn += 1
            return live[self._turn % len(live)]
