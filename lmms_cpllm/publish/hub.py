"""The upload to the hub: private unless asked otherwise, and nothing but the files that are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
from huggingface_hub.utils import validate_repo_id

from lmms_cpllm import __version__
from lmms_cpllm.errors import ArgumentError, UserError

# Weights and adapters of an older upload, which transformers would take before the new ones.
_REPLACED = ("*.safetensors", "*.safetensors.index.json", "adapter/*")


def check_login(repo: str) -> None:
    """Before any work.

    Raises:
        ArgumentError: the hub takes no such name.
        UserError: nobody is logged in, or the hub cannot be reached.
    """
    try:
        validate_repo_id(repo)
    except HFValidationError as error:
        raise ArgumentError(f"--hub: expected a name such as owner/model, found {repo!r}: {error}") from error
    with _errors(repo):
        _api().whoami()


def upload(folder: Path, names: Sequence[str], repo: str, public: bool) -> str:
    """Uploads files of a folder; gives the address.

    Args:
        folder: that was written.
        names: of its files that are uploaded, and no others.
        repo: `owner/model`, made if it is not there.
        public: whether everybody may see it.

    Raises:
        UserError: nobody is logged in, the hub cannot be reached or refuses, or what is there is public and was not to be.
    """
    api = _api()
    with _errors(repo):
        address = str(api.create_repo(repo, repo_type="model", private=not public, exist_ok=True))
        is_private = bool(api.repo_info(repo, repo_type="model").private)
        if not public and not is_private:
            raise UserError(
                f"--hub {repo}: a private repository expected, found a public one; nothing was uploaded\n  what to do: "
                "add --public, or choose another name"
            )
        api.upload_folder(
            repo_id=repo,
            repo_type="model",
            folder_path=str(folder),
            allow_patterns=list(names),
            delete_patterns=list(_REPLACED),
            commit_message="Upload a CP-LLM",
        )
    return address + (" (private)" if is_private else "")


def _api() -> HfApi:
    return HfApi(library_name="lmms-cpllm", library_version=__version__)


@contextmanager
def _errors(repo: str) -> Iterator[None]:
    """Errors of the hub as errors that people see."""
    try:
        yield
    except LocalTokenNotFoundError as error:
        raise UserError(
            f"--hub {repo}: a login expected, found none\n  what to do: `hf auth login`, or set HF_TOKEN to a token that "
            "may write"
        ) from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if status in (401, 403):
            raise UserError(
                f"--hub {repo}: the hub refuses this login (status {status}): {error}\n  what to do: log in with a token "
                "that may write there: `hf auth login`"
            ) from error
        raise UserError(f"--hub {repo}: the hub answers: {error}") from error
    except (httpx.HTTPError, OSError) as error:
        raise UserError(
            f"--hub {repo}: the hub cannot be reached: {error or type(error).__name__}\n  what to do: try again with a "
            "network, and without HF_HUB_OFFLINE"
        ) from error
