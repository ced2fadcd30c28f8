"""What a kind is called and where it lives on the API server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Resource:
    """
    One kind at one version, for example ``Resource("apps", "v1", "Deployment", "deployments")``.

    An empty ``group`` is the core group.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        """The ``apiVersion`` of manifests: ``apps/v1``, or ``v1`` in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def prefix(self) -> str:
        """The path of the group and version, where discovery answers."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """
        The path of one object, or of the collection when ``name`` is None.

        ``namespace=None`` on a namespaced kind addresses all namespaces, which only makes sense
        for a collection.
        """
        if name is not None and self.namespaced and not namespace:
            raise ValueError(f"{self.kind} {name!r} needs a namespace")
        parts = [self.prefix]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name is not None:
            parts.append(name)
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        """``deployments.apps``: what kubectl accepts and what metrics are labelled with."""
        return f"{self.plural}.{self.group}" if self.group else self.plural
