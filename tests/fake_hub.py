"""The part of the Hugging Face hub that a download asks for: the tree of a repository, and its files with ranges."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from fake_site import Answer

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class FakeHub:
    """One data set repository."""

    repo: str
    files: dict[str, bytes] = field(default_factory=dict)
    wrong: dict[str, bytes] = field(default_factory=dict)
    """Files whose bytes are not those that the tree names."""
    refusal: Answer | None = None
    """Answer to every request for a file."""
    tree_refusal: Answer | None = None
    extra: list[dict] = field(default_factory=list)
    """Further entries of the tree."""

    def answer(self, path: str, query: dict[str, str]) -> Answer:
        """What the hub's server would send."""
        if path == f"/api/datasets/{self.repo}/tree/main":
            if self.tree_refusal:
                return self.tree_refusal
            tree = [self._entry(name) for name in self.files] + self.extra
            return Answer(body=json.dumps(tree).encode(), headers={"Content-Type": "application/json"})
        name = path.removeprefix(f"/datasets/{self.repo}/resolve/main/")
        if name not in self.files:
            return Answer(404, headers={"X-Error-Code": "EntryNotFound"})
        if self.refusal:
            return self.refusal
        etag = hashlib.sha256(self.files[name]).hexdigest()
        body = self.wrong.get(name, self.files[name])
        return Answer(body=body, headers={"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}, ranges=True)

    def _entry(self, name: str) -> dict:
        content = self.files[name]
        digest = hashlib.sha256(content).hexdigest()
        return {
            "type": "file",
            "path": name,
            "size": len(content),
            "oid": hashlib.sha1(content).hexdigest(),
            "lfs": {"oid": digest, "size": len(content), "pointerSize": 130},
        }
