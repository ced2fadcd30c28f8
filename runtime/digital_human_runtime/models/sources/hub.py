"""A repository of the Hugging Face hub, or of a mirror that speaks like it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import httpx2
from huggingface_hub import HfApi, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from digital_human_runtime.models.errors import ModelsError, WrongError
from digital_human_runtime.models.plan import RemoteFile

from .web import ranged, reason


class HubSource:
    """
    Reads a repository at one commit: a branch is resolved once, when the files are listed.

    The token is HF_TOKEN of the environment, and is sent to the hub only: a redirect to another
    host loses it.
    """

    def __init__(self, repository: str, *, revision: str, endpoint: str | None) -> None:
        self._repository, self._revision, self._endpoint = repository, revision, endpoint
        self._commit = revision
        self.name = f"hf://{repository}"
        self._token = os.environ.get("HF_TOKEN") or None
        self._client = httpx2.Client(
            timeout=httpx2.Timeout(60.0, connect=10.0), follow_redirects=True
        )

    def files(self) -> Sequence[RemoteFile]:
        """All files at the revision; large ones with their SHA-256."""
        api = HfApi(endpoint=self._endpoint, token=self._token or False)
        try:
            info = api.model_info(
                self._repository, revision=self._revision, files_metadata=True, timeout=30
            )
        except HFValidationError:
            raise WrongError(
                f"{self.name} is no repository of the hub: name it as hf://owner/name."
            ) from None
        except GatedRepoError as error:
            raise ModelsError(
                f"{self.name} is gated: accept its licence on the hub and give a token."
            ) from error
        except (RepositoryNotFoundError, RevisionNotFoundError) as error:
            raise ModelsError(
                f"{self.name} at {self._revision} does not exist, or needs a token."
            ) from error
        except (HfHubHTTPError, httpx2.HTTPError) as error:
            raise OSError(f"{self.name}: {reason(error)}") from error
        self._commit = info.sha or self._revision
        return [
            RemoteFile(
                path=file.rfilename,
                size=file.size or 0,
                version=file.blob_id or self._commit,
                sha256=file.lfs.sha256 if file.lfs else None,
            )
            for file in info.siblings or []
        ]

    def read(self, file: RemoteFile, start: int, end: int) -> Iterator[bytes]:
        """A range of one file at the commit that was listed."""
        address = hf_hub_url(
            self._repository, file.path, revision=self._commit, endpoint=self._endpoint
        )
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        yield from ranged(self._client, address, start, end, headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
